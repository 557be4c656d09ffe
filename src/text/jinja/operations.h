#pragma once
// What Python's operators and built-in functions do with values.

#include <memory>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// The error of using something that does not exist.
base::Error undefined_error(const Value& undefined);

Result<bool> truth(Runtime& runtime, const Value& value);
/// len(value). @error for what has none
Result<std::size_t> length_of(Runtime& runtime, const Value& value);
/// iter(value): the items of lists and the like, a dict's keys, a text's characters. @error for what cannot be iterated
Result<std::unique_ptr<Cursor>> iterate(const Value& value);
bool is_iterable(const Value& value);
/// list(value)
Result<std::vector<Value>> to_items(Runtime& runtime, const Value& value);
/// One step of a cursor, paid for.
Result<std::optional<Value>> next_item(Runtime& runtime, Cursor& cursor);

Result<bool> equals(Runtime& runtime, const Value& left, const Value& right);
/// left < right. @error for values that have no order
Result<bool> is_less(Runtime& runtime, const Value& left, const Value& right);
/// item in container
Result<bool> contains(Runtime& runtime, const Value& container, const Value& item);

enum class Operator : std::uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};
const char* symbol_of(Operator op);

/// The arithmetic ones. @error with Python's reason: types that do not go together, division by zero
Result<Value> arithmetic(Runtime& runtime, Operator op, const Value& left, const Value& right);
/// The comparing ones.
Result<bool> compare(Runtime& runtime, Operator op, const Value& left, const Value& right);
Result<Value> negate(const Value& value);
Result<Value> unary_plus(const Value& value);

/// An integer where Python wants an index. @error for anything but int and bool
Result<Integer> to_index(const Value& value);

}  // namespace marquee::text::jinja
