#include "text/jinja/filters.h"

#include <algorithm>
#include <array>

#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/filter_groups.h"
#include "text/jinja/json_output.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"

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

/// The attribute or method, but not, as value.name would, a dict's item.
Result<Value> attribute_filter(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("attr", std::move(arguments), {required("name")}));
  MARQUEE_ASSIGN(const std::string name, bound.text(0));
  if (input.is_undefined()) return undefined_error(input);
  if (input.is(Kind::kDict) && find_method(input, name) == nullptr) {
    return Value::undefined("'dict object' has no attribute '" + name + "'");
  }
  return get_attribute(runtime, input, name);
}

Result<std::optional<Value>> next_entry(Runtime& runtime, Cursor* cursor) {
  if (cursor == nullptr) return std::optional<Value>();
  return cursor->next(runtime);
}

Result<Value> items_filter(Runtime& /*runtime*/, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("items", std::move(arguments), {}));
  std::shared_ptr<Cursor> entries;
  if (input.is(Kind::kDict)) {
    entries = std::make_shared<DictView>(input.shared_dict(), DictView::Part::kItems)->cursor();
  } else if (!input.is_undefined()) {
    return type_error("Can only get item pairs from a mapping.");
  }
  const auto next = [entries](Runtime& runtime) { return next_entry(runtime, entries.get()); };
  return Iterator::make("generator", std::make_unique<FunctionCursor>(next), input.depth());
}

constexpr std::array kGeneralFilters = {
    Filter{"default", default_filter}, Filter{"d", default_filter},     Filter{"length", length_filter},
    Filter{"count", length_filter},    Filter{"tojson", tojson_filter}, Filter{"attr", attribute_filter},
    Filter{"items", items_filter},
};

}  // namespace

const Filter* find_filter(std::string_view name) {
  for (const std::span<const Filter> group : {std::span<const Filter>(kGeneralFilters), text_filters(),
                                              number_filters(), sequence_filters(), selecting_filters()}) {
    const auto found =
        std::find_if(group.begin(), group.end(), [&](const Filter& filter) { return filter.name == name; });
    if (found != group.end()) return &*found;
  }
  return nullptr;
}

}  // namespace marquee::text::jinja
