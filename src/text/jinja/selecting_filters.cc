#include <algorithm>
#include <array>

#include "text/jinja/arguments.h"
#include "text/jinja/attribute_path.h"
#include "text/jinja/filter_groups.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/tests.h"

namespace marquee::text::jinja {
namespace {

/// A generator of what `step` makes of each item; the items for which it gives nothing are left out.
using Step = std::function<Result<std::optional<Value>>(Runtime&, Value)>;
Result<Value> generate(const Value& input, Step step) {
  MARQUEE_ASSIGN(auto cursor, iterate(input));
  const std::shared_ptr<Cursor> items = std::move(cursor);
  const auto next = [items, step = std::move(step)](Runtime& runtime) -> Result<std::optional<Value>> {
    MARQUEE_ASSIGN(const auto level, runtime.enter());  // generators over generators nest
    while (true) {
      MARQUEE_ASSIGN(auto item, next_item(runtime, *items));
      if (!item) return item;
      MARQUEE_ASSIGN(auto made, step(runtime, std::move(*item)));
      if (made) return made;
    }
  };
  return Iterator::make("generator", std::make_unique<FunctionCursor>(next), input.depth());
}

/// Python evaluates `if value:` first, so that what is false needs not be iterable.
Result<Value> generate_unless_false(Runtime& runtime, const Value& input, Step step) {
  MARQUEE_ASSIGN(const bool is_true, truth(runtime, input));
  MARQUEE_ASSIGN(const Value nothing, Value::list({}));
  return generate(is_true ? input : nothing, std::move(step));
}

/// Takes the first positional argument off as a text.
Result<std::string> take_name(Arguments& arguments, const char* what) {
  if (arguments.positional.empty()) return type_error(std::string("the filter misses its argument: ") + what);
  const Value name = arguments.positional.front();
  arguments.positional.erase(arguments.positional.begin());
  if (name.is_undefined()) return undefined_error(name);
  if (!name.is_text()) return type_error(std::string(what) + " has to be a str, not " + name.type_name());
  return name.text();
}

Result<Value> map_attribute(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("map", std::move(arguments), {required("attribute"), optional("default")}));
  MARQUEE_ASSIGN(auto path, AttributePath::make(runtime, bound[0], bound.value_or(1, Value())));
  const auto step = [path = std::move(path)](Runtime& inner, Value item) -> Result<std::optional<Value>> {
    MARQUEE_ASSIGN(auto value, path.follow(inner, std::move(item)));
    return std::optional<Value>(std::move(value));
  };
  return generate_unless_false(runtime, input, step);
}

Result<Value> map_filter(Runtime& runtime, const Value& input, Arguments arguments) {
  const auto is_attribute = [](const auto& entry) { return entry.first == "attribute"; };
  if (arguments.positional.empty() && std::any_of(arguments.named.begin(), arguments.named.end(), is_attribute)) {
    return map_attribute(runtime, input, std::move(arguments));
  }
  MARQUEE_ASSIGN(const std::string name, take_name(arguments, "the name of a filter"));
  const Filter* filter = find_filter(name);
  if (filter == nullptr) return base::unsupported("the filter '" + name + "'");
  const auto step = [filter, arguments](Runtime& inner, const Value& item) -> Result<std::optional<Value>> {
    MARQUEE_ASSIGN(auto value, filter->body(inner, item, arguments));
    return std::optional<Value>(std::move(value));
  };
  return generate_unless_false(runtime, input, step);
}

enum class Subject : bool { kItem, kAttribute };

template <Subject subject, bool wanted>
Result<Value> select(Runtime& runtime, const Value& input, Arguments arguments) {
  AttributePath path;
  if (subject == Subject::kAttribute) {
    if (arguments.positional.empty()) return type_error("Missing parameter for attribute name");
    MARQUEE_ASSIGN(path, AttributePath::make(runtime, arguments.positional.front()));
    arguments.positional.erase(arguments.positional.begin());
  }
  const Test* test = nullptr;
  if (!arguments.positional.empty()) {
    MARQUEE_ASSIGN(const std::string name, take_name(arguments, "the name of a test"));
    test = find_test(name);
    if (test == nullptr) return base::unsupported("the test '" + name + "'");
  }
  const auto step = [path, test, arguments](Runtime& inner, const Value& item) -> Result<std::optional<Value>> {
    MARQUEE_ASSIGN(const Value value, path.follow(inner, item));
    MARQUEE_ASSIGN(const bool passes, test == nullptr ? truth(inner, value) : test->body(inner, value, arguments));
    return passes == wanted ? std::optional<Value>(item) : std::nullopt;
  };
  return generate_unless_false(runtime, input, step);
}

constexpr std::array kSelectingFilters = {
    Filter{"map", map_filter},
    Filter{"select", select<Subject::kItem, true>},
    Filter{"reject", select<Subject::kItem, false>},
    Filter{"selectattr", select<Subject::kAttribute, true>},
    Filter{"rejectattr", select<Subject::kAttribute, false>},
};

}  // namespace

std::span<const Filter> selecting_filters() { return kSelectingFilters; }

}  // namespace marquee::text::jinja
