#include "text/jinja/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

constexpr std::array<std::string_view, 15> kMissingMethods = {
    "format_map", "encode", "translate", "maketrans", "bit_length", "bit_count",        "to_bytes", "from_bytes",
    "conjugate",  "hex",    "fromhex",   "fromkeys",  "is_integer", "as_integer_ratio", "unescape"};

Value missing_attribute(const Value& value, std::string_view name) {
  return Value::undefined(fmt::format("'{} object' has no attribute '{}'", value.type_name(), name));
}

/// An index counted from the end if negative; nothing if outside.
std::optional<std::size_t> resolve_index(Integer index, std::size_t size) {
  if (index < 0) index += static_cast<Integer>(size);
  if (index < 0 || index >= static_cast<Integer>(size)) return std::nullopt;
  return static_cast<std::size_t>(index);
}

Result<std::optional<Value>> character_at(Runtime& runtime, const Value& value, Integer index) {
  const std::string& text = value.text();
  MARQUEE_CHECK(runtime.budget().spend_bytes(text.size()));
  const auto at = resolve_index(index, code_point_count(text));
  if (!at) return std::optional<Value>();
  const std::size_t start = byte_offset(text, *at);
  const std::size_t end = byte_offset(std::string_view(text).substr(start), 1) + start;
  return std::optional<Value>(Value::text(text.substr(start, end - start), value.is_safe()));
}

/// value[key] where Python has it; nothing where it would raise TypeError or LookupError.
Result<std::optional<Value>> subscript(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is_undefined()) return undefined_error(value);
  if (value.is(Kind::kDict)) {
    MARQUEE_CHECK(runtime.budget().spend(1));
    const Value* found = value.dict().find(key);
    return found == nullptr ? std::optional<Value>() : std::optional<Value>(*found);
  }
  if (!key.is_integral()) return std::optional<Value>();
  if (value.is_text()) return character_at(runtime, value, key.integer());
  if (value.is_sequence()) {
    const auto at = resolve_index(key.integer(), value.items().size());
    return at ? std::optional<Value>(value.items()[*at]) : std::optional<Value>();
  }
  if (!value.is(Kind::kObject)) return std::optional<Value>();
  const auto* range = dynamic_cast<const Range*>(&value.object());
  const auto at = range == nullptr ? std::nullopt : resolve_index(key.integer(), range->count());
  return at ? std::optional<Value>(Value::integer(range->at(*at))) : std::optional<Value>();
}

/// Python's getattr(); nothing where it would raise AttributeError.
Result<std::optional<Value>> python_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  if (value.is_undefined()) return undefined_error(value);
  if (value.is(Kind::kObject)) return value.object().attribute(runtime, name);
  const Method* method = find_method(value, name);
  if (method == nullptr) return std::optional<Value>();
  if (method->body == nullptr) {
    return std::optional<Value>(
        Value::undefined(fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, value.type_name())));
  }
  const auto body = [method, self = value](Runtime& inner, Arguments arguments) {
    return method->body(inner, self, std::move(arguments));
  };
  return std::optional<Value>(Value::object(std::make_shared<Function>(std::string(name), body, value.depth() + 1)));
}

struct Bounds {
  Integer start;
  Integer stop;
  Integer step;
  std::size_t count;
};

/// The positions a slice takes of a sequence, as Python's slice.indices() gives them.
Result<Bounds> resolve_bounds(const SliceBounds& bounds, std::size_t size) {
  const auto bound = [&](const Value& value, Integer low, Integer high, Integer fallback) -> Result<Integer> {
    if (value.is(Kind::kNone)) return fallback;
    if (value.is_undefined()) return undefined_error(value);
    if (!value.is_integral()) return type_error("slice indices must be integers or None");
    Integer index = value.integer();
    if (index < 0) index = index < -static_cast<Integer>(size) ? low : index + static_cast<Integer>(size);
    return std::clamp(index, low, high);
  };
  Integer step = 1;
  if (bounds.step.is_undefined()) return undefined_error(bounds.step);
  if (!bounds.step.is(Kind::kNone)) {
    if (!bounds.step.is_integral()) return type_error("slice indices must be integers or None");
    step = std::clamp<Integer>(bounds.step.integer(), -(Integer{1} << 62), Integer{1} << 62);
  }
  if (step == 0) return value_error("slice step cannot be zero");
  const auto last = static_cast<Integer>(size);
  const Integer low = step < 0 ? -1 : 0;
  const Integer high = step < 0 ? last - 1 : last;
  MARQUEE_ASSIGN(const Integer start, bound(bounds.start, low, high, step < 0 ? high : low));
  MARQUEE_ASSIGN(const Integer stop, bound(bounds.stop, low, high, step < 0 ? low : high));
  Integer count = step < 0 ? (start - stop - 1) / -step + 1 : (stop - start - 1) / step + 1;
  if (step < 0 ? start <= stop : start >= stop) count = 0;
  return Bounds{start, stop, step, static_cast<std::size_t>(count)};
}

Result<Value> slice_text(Runtime& runtime, const Value& value, const SliceBounds& slice) {
  const std::string& text = value.text();
  MARQUEE_CHECK(runtime.budget().spend_bytes(text.size()));
  MARQUEE_ASSIGN(const Bounds bounds, resolve_bounds(slice, code_point_count(text)));
  if (bounds.count == 0) return Value::text("", value.is_safe());
  if (bounds.step == 1) {
    const std::size_t start = byte_offset(text, static_cast<std::size_t>(bounds.start));
    const std::size_t length = byte_offset(std::string_view(text).substr(start), bounds.count);
    return Value::text(text.substr(start, length), value.is_safe());
  }
  const std::u32string points = to_code_points(text);
  std::u32string out;
  for (std::size_t i = 0; i < bounds.count; ++i) {
    out.push_back(points[static_cast<std::size_t>(bounds.start + static_cast<Integer>(i) * bounds.step)]);
  }
  return Value::text(to_utf8(out), value.is_safe());
}

}  // namespace

const Method* find_method(const Value& value, std::string_view name) {
  return value.is_text() ? find_text_method(name) : find_container_method(value.kind(), name);
}

bool is_missing_method(std::string_view name) {
  return std::find(kMissingMethods.begin(), kMissingMethods.end(), name) != kMissingMethods.end();
}

Result<Value> get_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  MARQUEE_ASSIGN(auto attribute, python_attribute(runtime, value, name));
  if (attribute) return std::move(*attribute);
  if (value.is(Kind::kDict)) {
    if (const Value* found = value.dict().find(name)) return *found;
  }
  return missing_attribute(value, name);
}

Result<Value> get_item(Runtime& runtime, const Value& value, const Value& key) {
  MARQUEE_ASSIGN(auto item, subscript(runtime, value, key));
  if (item) return std::move(*item);
  if (!key.is_text()) {
    return Value::undefined(fmt::format("'{} object' has no such element", value.type_name()));
  }
  MARQUEE_ASSIGN(auto attribute, python_attribute(runtime, value, key.text()));
  if (attribute) return std::move(*attribute);
  return missing_attribute(value, key.text());
}

Result<Value> get_slice(Runtime& runtime, const Value& value, const SliceBounds& slice) {
  if (value.is_undefined()) return undefined_error(value);
  if (value.is_text()) return slice_text(runtime, value, slice);
  if (value.is_sequence()) {
    MARQUEE_ASSIGN(const Bounds bounds, resolve_bounds(slice, value.items().size()));
    MARQUEE_CHECK(runtime.budget().spend(bounds.count));
    std::vector<Value> items;
    for (std::size_t i = 0; i < bounds.count; ++i) {
      const Integer at = bounds.start + static_cast<Integer>(i) * bounds.step;
      items.push_back(value.items()[static_cast<std::size_t>(at)]);
    }
    return value.is(Kind::kList) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
  }
  const auto* range = value.is(Kind::kObject) ? dynamic_cast<const Range*>(&value.object()) : nullptr;
  if (range == nullptr) return type_error("'" + value.type_name() + "' object is not subscriptable by a slice");
  MARQUEE_ASSIGN(const Bounds bounds, resolve_bounds(slice, range->count()));
  constexpr Integer kFar = Integer{1} << 62;
  const Integer step = range->step() > kFar || range->step() < -kFar ? 0 : range->step() * bounds.step;
  if (step == 0 || step > kFar || step < -kFar) return value_error("the step of a range's slice is too large");
  return Value::object(std::make_shared<Range>(range->at(0) + bounds.start * range->step(),
                                               range->at(0) + bounds.stop * range->step(), step));
}

}  // namespace marquee::text::jinja
