#include "text/jinja/filters.h"

#include <algorithm>
#include <array>

#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/json_output.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

Result<Value> default_filter(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("default", std::move(arguments),
                                                        {optional("default_value"), optional("boolean")}));
  MARQUEE_ASSIGN(const bool also_false, bound.flag(runtime, 1, false));
  bool replaced = input.is_undefined();
  if (also_false) {
    MARQUEE_ASSIGN(const bool is_true, truth(runtime, input));
    replaced = replaced || !is_true;
  }
  return replaced ? bound.value_or(0, Value::text("")) : input;
}

Result<Value> length_filter(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("length", std::move(arguments), {}));
  MARQUEE_ASSIGN(const std::size_t length, length_of(runtime, input));
  return Value::integer(static_cast<Integer>(length));
}

Result<Value> trim_filter(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("trim", std::move(arguments), {optional("chars")}));
  MARQUEE_ASSIGN(const std::string text, to_text(runtime, input));
  MARQUEE_CHECK(runtime.budget().spend_bytes(text.size()));
  if (bound.is_none_or_absent(0)) return Value::text(std::string(strip(text, Side::kBoth)), input.is_safe());
  MARQUEE_ASSIGN(const std::string characters, bound.text(0));
  return Value::text(std::string(strip(text, Side::kBoth, characters)), input.is_safe());
}

const auto& all_filters() {
  static constexpr std::array kFilters = {
      Filter{"default", default_filter}, Filter{"d", default_filter},   Filter{"length", length_filter},
      Filter{"count", length_filter},    Filter{"trim", trim_filter},   Filter{"tojson", tojson_filter},
  };
  return kFilters;
}

}  // namespace

const Filter* find_filter(std::string_view name) {
  const auto& filters = all_filters();
  const auto* found =
      std::find_if(filters.begin(), filters.end(), [&](const Filter& filter) { return filter.name == name; });
  return found == filters.end() ? nullptr : found;
}

}  // namespace marquee::text::jinja
