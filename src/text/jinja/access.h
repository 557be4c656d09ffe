#pragma once
// value.name, value[key] and value[from:to:step].

#include <optional>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// As Jinja's sandbox looks it up: the attribute or method first, then the item, else undefined. @error for an
/// undefined value
Result<Value> get_attribute(Runtime& runtime, const Value& value, std::string_view name);
/// The item first, then, for a text as the key, the attribute, else undefined. @error for an undefined value
Result<Value> get_item(Runtime& runtime, const Value& value, const Value& key);

struct SliceBounds {
  Value start;  ///< None where left out
  Value stop;
  Value step;
};
Result<Value> get_slice(Runtime& runtime, const Value& value, const SliceBounds& bounds);

/// A method of a built-in type. Ones that would change their object are known but refused, as in Jinja's sandbox.
struct Method {
  std::string_view name;
  Result<Value> (*body)(Runtime& runtime, const Value& self, Arguments arguments);
};
/// Null if the type has no such method.
const Method* find_text_method(std::string_view name);
const Method* find_container_method(Kind kind, std::string_view name);
const Method* find_method(const Value& value, std::string_view name);

/// Whether Python's built-in types have a method of this name that is not implemented here, so that a template that
/// calls it is refused when it is loaded.
bool is_missing_method(std::string_view name);

}  // namespace marquee::text::jinja
