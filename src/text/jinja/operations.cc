#include "text/jinja/operations.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/objects.h"
#include "text/jinja/text_search.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

/// The items of a list or tuple, which it keeps alive.
class SequenceCursor final : public Cursor {
 public:
  explicit SequenceCursor(Value sequence) : sequence_(std::move(sequence)) {}
  Result<std::optional<Value>> next(Runtime& /*runtime*/) override {
    const auto& items = sequence_.items();
    if (at_ == items.size()) return std::optional<Value>();
    return std::optional<Value>(items[at_++]);
  }

 private:
  Value sequence_;
  std::size_t at_ = 0;
};

class KeyCursor final : public Cursor {
 public:
  explicit KeyCursor(std::shared_ptr<const Dict> dict) : dict_(std::move(dict)) {}
  Result<std::optional<Value>> next(Runtime& /*runtime*/) override {
    if (at_ == dict_->entries().size()) return std::optional<Value>();
    return std::optional<Value>(dict_->entries()[at_++].first);
  }

 private:
  std::shared_ptr<const Dict> dict_;
  std::size_t at_ = 0;
};

class CharacterCursor final : public Cursor {
 public:
  explicit CharacterCursor(Value text) : text_(std::move(text)) {}
  Result<std::optional<Value>> next(Runtime& /*runtime*/) override {
    const std::string_view rest = std::string_view(text_.text()).substr(at_);
    if (rest.empty()) return std::optional<Value>();
    const std::size_t length = base::decode_utf8(rest).length;
    at_ += length;
    return std::optional<Value>(Value::text(std::string(rest.substr(0, length))));
  }

 private:
  Value text_;
  std::size_t at_ = 0;
};

class EmptyCursor final : public Cursor {
 public:
  Result<std::optional<Value>> next(Runtime& /*runtime*/) override { return std::optional<Value>(); }
};

Result<bool> equal_items(Runtime& runtime, const std::vector<Value>& left, const std::vector<Value>& right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    MARQUEE_ASSIGN(const bool same, equals(runtime, left[i], right[i]));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_dicts(Runtime& runtime, const Dict& left, const Dict& right) {
  if (left.entries().size() != right.entries().size()) return false;
  for (const auto& [key, value] : left.entries()) {
    const Value* other = right.find(key);
    if (other == nullptr) return false;
    MARQUEE_ASSIGN(const bool same, equals(runtime, value, *other));
    if (!same) return false;
  }
  return true;
}

bool equal_numbers(const Value& left, const Value& right) {
  if (left.is_integral() && right.is_integral()) return left.integer() == right.integer();
  return left.real() == right.real();
}

base::Error no_order(Operator op, const Value& left, const Value& right) {
  return type_error(std::string("'") + symbol_of(op) + "' not supported between instances of '" + left.type_name() +
                    "' and '" + right.type_name() + "'");
}

/// `op` is one of the four ordering ones, for the error only; the order itself is left < right.
Result<bool> less_for(Runtime& runtime, Operator op, const Value& left, const Value& right) {
  MARQUEE_CHECK(runtime.budget().spend(1));
  if (left.is_undefined()) return undefined_error(left);
  if (right.is_undefined()) return undefined_error(right);
  if (left.is_number() && right.is_number()) {
    if (left.is_integral() && right.is_integral()) return left.integer() < right.integer();
    return left.real() < right.real();
  }
  if (left.is_text() && right.is_text()) {
    MARQUEE_CHECK(runtime.budget().spend_bytes(std::min(left.text().size(), right.text().size())));
    return left.text() < right.text();  // UTF-8 sorts as its code points do
  }
  if (!left.is_sequence() || left.kind() != right.kind()) return no_order(op, left, right);
  const auto& a = left.items();
  const auto& b = right.items();
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    MARQUEE_ASSIGN(const bool same, equals(runtime, a[i], b[i]));
    if (!same) return less_for(runtime, op, a[i], b[i]);
  }
  return a.size() < b.size();
}

}  // namespace

base::Error undefined_error(const Value& undefined) { return base::invalid_argument(undefined.message()); }

Result<bool> truth(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBoolean: return value.boolean();
    case Kind::kInteger: return value.integer() != 0;
    case Kind::kReal: return value.real() != 0.0;
    case Kind::kText: return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple: return !value.items().empty();
    case Kind::kDict: return !value.dict().entries().empty();
    case Kind::kObject: {
      MARQUEE_ASSIGN(const auto length, value.object().length(runtime));
      return !length || *length > 0;
    }
  }
  return false;
}

Result<std::size_t> length_of(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return std::size_t{0};
    case Kind::kText:
      MARQUEE_CHECK(runtime.budget().spend_bytes(value.text().size()));
      return code_point_count(value.text());
    case Kind::kList:
    case Kind::kTuple: return value.items().size();
    case Kind::kDict: return value.dict().entries().size();
    case Kind::kObject: {
      MARQUEE_ASSIGN(const auto length, value.object().length(runtime));
      if (length) return *length;
      break;
    }
    default: break;
  }
  return type_error("object of type '" + value.type_name() + "' has no len()");
}

bool is_iterable(const Value& value) { return iterate(value).has_value(); }

Result<std::unique_ptr<Cursor>> iterate(const Value& value) {
  std::unique_ptr<Cursor> cursor;
  switch (value.kind()) {
    case Kind::kUndefined: cursor = std::make_unique<EmptyCursor>(); break;
    case Kind::kText: cursor = std::make_unique<CharacterCursor>(value); break;
    case Kind::kList:
    case Kind::kTuple: cursor = std::make_unique<SequenceCursor>(value); break;
    case Kind::kDict: cursor = std::make_unique<KeyCursor>(value.shared_dict()); break;
    case Kind::kObject: cursor = value.object().cursor(); break;
    default: break;
  }
  if (cursor == nullptr) return type_error("'" + value.type_name() + "' object is not iterable");
  return cursor;
}

Result<std::optional<Value>> next_item(Runtime& runtime, Cursor& cursor) {
  MARQUEE_CHECK(runtime.budget().spend(2));  // what takes them may keep them all
  return cursor.next(runtime);
}

Result<std::vector<Value>> to_items(Runtime& runtime, const Value& value) {
  MARQUEE_ASSIGN(const auto cursor, iterate(value));
  std::vector<Value> items;
  while (true) {
    MARQUEE_ASSIGN(auto item, next_item(runtime, *cursor));
    if (!item) return items;
    items.push_back(std::move(*item));
  }
}

Result<bool> equals(Runtime& runtime, const Value& left, const Value& right) {
  MARQUEE_CHECK(runtime.budget().spend(1));
  if (left.is_number() && right.is_number()) return equal_numbers(left, right);
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return true;
    case Kind::kText:
      if (left.text().size() != right.text().size()) return false;
      MARQUEE_CHECK(runtime.budget().spend_bytes(left.text().size()));
      return left.text() == right.text();
    case Kind::kList:
    case Kind::kTuple: return equal_items(runtime, left.items(), right.items());
    case Kind::kDict: return equal_dicts(runtime, left.dict(), right.dict());
    case Kind::kObject: {
      if (left.same_as(right)) return true;
      const auto* a = dynamic_cast<const Range*>(&left.object());
      const auto* b = dynamic_cast<const Range*>(&right.object());
      return a != nullptr && b != nullptr && a->equals(*b);
    }
    default: return false;
  }
}

Result<bool> is_less(Runtime& runtime, const Value& left, const Value& right) {
  return less_for(runtime, Operator::kLess, left, right);
}

Result<bool> contains(Runtime& runtime, const Value& container, const Value& item) {
  if (container.is_text()) {
    if (item.is_undefined()) return undefined_error(item);
    if (!item.is_text()) {
      return type_error("'in <string>' requires string as left operand, not " + item.type_name());
    }
    MARQUEE_CHECK(runtime.budget().spend_bytes(container.text().size()));
    return find_first(container.text(), item.text()) != kNotFound;
  }
  if (container.is(Kind::kDict)) {
    if (!hash_key(item)) return type_error("unhashable type: '" + item.type_name() + "'");
    MARQUEE_CHECK(runtime.budget().spend(1));
    return container.dict().find(item) != nullptr;
  }
  auto cursor = iterate(container);
  if (!cursor) return type_error("argument of type '" + container.type_name() + "' is not iterable");
  while (true) {
    MARQUEE_ASSIGN(const auto candidate, next_item(runtime, **cursor));
    if (!candidate) return false;
    if (candidate->same_as(item)) return true;
    MARQUEE_ASSIGN(const bool same, equals(runtime, *candidate, item));
    if (same) return true;
  }
}

Result<bool> compare(Runtime& runtime, Operator op, const Value& left, const Value& right) {
  switch (op) {
    case Operator::kEqual: return equals(runtime, left, right);
    case Operator::kNotEqual: {
      MARQUEE_ASSIGN(const bool same, equals(runtime, left, right));
      return !same;
    }
    case Operator::kIn: return contains(runtime, right, left);
    case Operator::kNotIn: {
      MARQUEE_ASSIGN(const bool found, contains(runtime, right, left));
      return !found;
    }
    case Operator::kLess: return less_for(runtime, op, left, right);
    case Operator::kGreater: return less_for(runtime, op, right, left);
    case Operator::kLessEqual:
    case Operator::kGreaterEqual: {
      const bool swapped = op == Operator::kGreaterEqual;
      MARQUEE_ASSIGN(const bool less, less_for(runtime, op, swapped ? right : left, swapped ? left : right));
      if (less) return true;
      return equals(runtime, left, right);
    }
    default: return base::Error{base::ErrorCode::kInternal, "compare() with an arithmetic operator"};
  }
}

const char* symbol_of(Operator op) {
  switch (op) {
    case Operator::kAdd: return "+";
    case Operator::kSubtract: return "-";
    case Operator::kMultiply: return "*";
    case Operator::kDivide: return "/";
    case Operator::kFloorDivide: return "//";
    case Operator::kModulo: return "%";
    case Operator::kPower: return "**";
    case Operator::kEqual: return "==";
    case Operator::kNotEqual: return "!=";
    case Operator::kLess: return "<";
    case Operator::kLessEqual: return "<=";
    case Operator::kGreater: return ">";
    case Operator::kGreaterEqual: return ">=";
    case Operator::kIn: return "in";
    case Operator::kNotIn: return "not in";
  }
  return "?";
}

}  // namespace marquee::text::jinja
