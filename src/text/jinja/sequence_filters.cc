#include <algorithm>
#include <array>
#include <set>

#include "text/jinja/arguments.h"
#include "text/jinja/attribute_path.h"
#include "text/jinja/filter_groups.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"
#include "text/jinja/sorting.h"
#include "text/jinja/text_split.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

/// A generator over values that are known already.
Result<Value> iterator_over(std::string type_name, std::vector<Value> values) {
  MARQUEE_ASSIGN(const Value list, Value::list(std::move(values)));
  MARQUEE_ASSIGN(auto cursor, iterate(list));
  return Iterator::make(std::move(type_name), std::move(cursor), list.depth());
}

bool is_iterator(const Value& value) {
  return value.is(Kind::kObject) && dynamic_cast<const Iterator*>(&value.object()) != nullptr;
}

Result<Value> first(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("first", std::move(arguments), {}));
  MARQUEE_ASSIGN(const auto cursor, iterate(input));
  MARQUEE_ASSIGN(auto item, next_item(runtime, *cursor));
  return item ? std::move(*item) : Value::undefined("No first item, sequence was empty.");
}

Result<Value> last(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("last", std::move(arguments), {}));
  if (is_iterator(input)) return type_error("'" + input.type_name() + "' object is not reversible");
  if (input.is_sequence() && !input.items().empty()) return input.items().back();
  MARQUEE_ASSIGN(auto items, to_items(runtime, input));
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : std::move(items.back());
}

Result<Value> list(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("list", std::move(arguments), {}));
  MARQUEE_ASSIGN(auto items, to_items(runtime, input));
  return Value::list(std::move(items));
}

Result<Value> reverse(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("reverse", std::move(arguments), {}));
  if (input.is_text()) {
    MARQUEE_CHECK(runtime.budget().spend_text(input.text().size()));
    std::u32string points = to_code_points(input.text());
    std::reverse(points.begin(), points.end());
    return Value::text(to_utf8(points), input.is_safe());
  }
  MARQUEE_ASSIGN(auto items, to_items(runtime, input));
  std::reverse(items.begin(), items.end());
  if (is_iterator(input)) return Value::list(std::move(items));
  return iterator_over(input.type_name() + "_reverseiterator", std::move(items));
}

Result<Value> join(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("join", std::move(arguments), {optional("d"), optional("attribute")}));
  MARQUEE_ASSIGN(const std::string separator, to_text(runtime, bound.value_or(0, Value::text(""))));
  MARQUEE_ASSIGN(const auto path, AttributePath::make(runtime, bound.value_or(1, Value())));
  MARQUEE_ASSIGN(const auto cursor, iterate(input));
  std::string out;
  for (bool is_first = true;; is_first = false) {
    MARQUEE_ASSIGN(auto item, next_item(runtime, *cursor));
    if (!item) return Value::text(std::move(out));
    MARQUEE_ASSIGN(const Value value, path.follow(runtime, std::move(*item)));
    MARQUEE_ASSIGN(const std::string text, to_text(runtime, value));
    const std::size_t added = text.size() + (is_first ? 0 : separator.size());
    MARQUEE_CHECK(runtime.budget().spend_bytes(added));
    if (out.size() + added > kMaxTextBytes) MARQUEE_CHECK(runtime.budget().spend_text(out.size() + added));
    if (!is_first) out += separator;
    out += text;
  }
}

/// The items with what they are compared by.
Result<std::vector<Keyed>> keyed_items(Runtime& runtime, const Value& input, const AttributePath& path,
                                       bool case_sensitive) {
  MARQUEE_ASSIGN(auto items, to_items(runtime, input));
  std::vector<Keyed> keyed;
  for (Value& item : items) {
    MARQUEE_ASSIGN(Value key, path.follow(runtime, item));
    if (!case_sensitive) {
      MARQUEE_ASSIGN(key, without_case(runtime, key));
    }
    keyed.emplace_back(std::move(key), std::move(item));
  }
  return keyed;
}

/// sort's keys: a list of what each of the comma-separated paths gives.
Result<std::vector<Keyed>> multiple_keys(Runtime& runtime, const Value& input, const Value& attribute,
                                         bool case_sensitive) {
  std::vector<Value> names{attribute};
  if (attribute.is_text()) {
    names.clear();
    MARQUEE_ASSIGN(const auto parts, split_text(runtime, attribute.text(), ",", -1, Side::kLeft));
    for (const auto part : parts) names.push_back(Value::text(std::string(part)));
  }
  std::vector<AttributePath> paths;
  for (const Value& name : names) {
    MARQUEE_ASSIGN(auto path, AttributePath::make(runtime, name));
    paths.push_back(std::move(path));
  }
  MARQUEE_ASSIGN(auto items, to_items(runtime, input));
  std::vector<Keyed> keyed;
  for (Value& item : items) {
    std::vector<Value> keys;
    for (const AttributePath& path : paths) {
      MARQUEE_ASSIGN(Value key, path.follow(runtime, item));
      if (!case_sensitive) {
        MARQUEE_ASSIGN(key, without_case(runtime, key));
      }
      keys.push_back(std::move(key));
    }
    MARQUEE_ASSIGN(auto key, Value::list(std::move(keys)));
    keyed.emplace_back(std::move(key), std::move(item));
  }
  return keyed;
}

Result<Value> values_of(std::vector<Keyed> keyed) {
  std::vector<Value> values;
  for (auto& [key, value] : keyed) values.push_back(std::move(value));
  return Value::list(std::move(values));
}

Result<Value> sort(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("sort", std::move(arguments),
                                      {optional("reverse"), optional("case_sensitive"), optional("attribute")}));
  MARQUEE_ASSIGN(const Integer falling, bound.integer(0, 0));  // Python takes no other type here
  MARQUEE_ASSIGN(const bool case_sensitive, bound.flag(runtime, 1, false));
  MARQUEE_ASSIGN(auto keyed, multiple_keys(runtime, input, bound.value_or(2, Value()), case_sensitive));
  MARQUEE_CHECK(sort_by_key(runtime, keyed, falling != 0 ? Order::kFalling : Order::kRising));
  return values_of(std::move(keyed));
}

Result<Value> sort_dict(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("dictsort", std::move(arguments),
                                      {optional("case_sensitive"), optional("by"), optional("reverse")}));
  MARQUEE_ASSIGN(const bool case_sensitive, bound.flag(runtime, 0, false));
  std::string by = "key";
  if (bound.has(1)) {
    MARQUEE_ASSIGN(by, bound.text(1));
  }
  MARQUEE_ASSIGN(const Integer falling, bound.integer(2, 0));
  if (by != "key" && by != "value") return value_error("You can only sort by either \"key\" or \"value\"");
  if (input.is_undefined()) return undefined_error(input);
  if (!input.is(Kind::kDict)) return type_error("dictsort wants a dict, not " + input.type_name());
  const Value pairs = Value::object(std::make_shared<DictView>(input.shared_dict(), DictView::Part::kItems));
  MARQUEE_ASSIGN(const auto path, AttributePath::make(runtime, Value::integer(by == "key" ? 0 : 1)));
  MARQUEE_ASSIGN(auto keyed, keyed_items(runtime, pairs, path, case_sensitive));
  MARQUEE_CHECK(sort_by_key(runtime, keyed, falling != 0 ? Order::kFalling : Order::kRising));
  return values_of(std::move(keyed));
}

Result<Value> unique(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("unique", std::move(arguments),
                                                        {optional("case_sensitive"), optional("attribute")}));
  MARQUEE_ASSIGN(const bool case_sensitive, bound.flag(runtime, 0, false));
  MARQUEE_ASSIGN(const auto path, AttributePath::make(runtime, bound.value_or(1, Value())));
  MARQUEE_ASSIGN(auto keyed, keyed_items(runtime, input, path, case_sensitive));
  std::set<std::string> seen;
  std::vector<Value> values;
  for (auto& [key, value] : keyed) {
    const auto hashed = hash_key(key);
    if (!hashed) return type_error("unhashable type: '" + key.type_name() + "'");
    MARQUEE_CHECK(runtime.budget().spend_bytes(hashed->size()));
    if (seen.insert(*hashed).second) values.push_back(std::move(value));
  }
  return iterator_over("generator", std::move(values));
}

template <bool largest>
Result<Value> extreme(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("min", std::move(arguments),
                                                        {optional("case_sensitive"), optional("attribute")}));
  MARQUEE_ASSIGN(const bool case_sensitive, bound.flag(runtime, 0, false));
  MARQUEE_ASSIGN(const auto path, AttributePath::make(runtime, bound.value_or(1, Value())));
  MARQUEE_ASSIGN(const auto keyed, keyed_items(runtime, input, path, case_sensitive));
  if (keyed.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const Keyed* best = keyed.data();
  for (const Keyed& candidate : keyed) {
    if (&candidate == keyed.data()) continue;
    MARQUEE_ASSIGN(const bool better, largest ? is_less(runtime, best->first, candidate.first)
                                              : is_less(runtime, candidate.first, best->first));
    if (better) best = &candidate;
  }
  return best->second;
}

Result<Value> sum(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("sum", std::move(arguments), {optional("attribute"), optional("start")}));
  MARQUEE_ASSIGN(const auto path, AttributePath::make(runtime, bound.value_or(0, Value())));
  Value total = bound.value_or(1, Value::integer(0));
  if (total.is_text()) return type_error("sum() can't sum strings");
  MARQUEE_ASSIGN(const auto cursor, iterate(input));
  while (true) {
    MARQUEE_ASSIGN(auto item, next_item(runtime, *cursor));
    if (!item) return total;
    MARQUEE_ASSIGN(const Value value, path.follow(runtime, std::move(*item)));
    MARQUEE_ASSIGN(total, arithmetic(runtime, Operator::kAdd, total, value));
  }
}

Result<Value> slice(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("slice", std::move(arguments), {required("slices"), optional("fill_with")}));
  MARQUEE_ASSIGN(const Integer slices, bound.integer(0, 1));
  MARQUEE_ASSIGN(const auto items, to_items(runtime, input));
  if (slices == 0) return base::invalid_argument("division by zero");
  if (slices > kMaxRange) return value_error("slice() into more than " + std::to_string(kMaxRange) + " parts");
  const auto count = static_cast<std::size_t>(std::max<Integer>(slices, 0));
  MARQUEE_CHECK(runtime.budget().spend(count + items.size()));
  std::vector<Value> parts;
  auto from = items.begin();
  for (std::size_t i = 0; i < count; ++i) {
    const bool longer = i < items.size() % count;
    const auto to = from + static_cast<std::ptrdiff_t>(items.size() / count + (longer ? 1 : 0));
    std::vector<Value> part(from, to);
    if (!bound.is_none_or_absent(1) && !longer) part.push_back(bound[1]);
    MARQUEE_ASSIGN(auto made, Value::list(std::move(part)));
    parts.push_back(std::move(made));
    from = to;
  }
  return iterator_over("generator", std::move(parts));
}

Result<Value> batch(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("batch", std::move(arguments), {required("linecount"), optional("fill_with")}));
  MARQUEE_ASSIGN(const Integer wanted, bound.integer(0, 1));
  MARQUEE_ASSIGN(auto items, to_items(runtime, input));
  std::vector<Value> parts;
  std::vector<Value> part;
  const auto flush = [&]() -> Result<void> {
    MARQUEE_ASSIGN(auto made, Value::list(std::exchange(part, {})));
    parts.push_back(std::move(made));
    return {};
  };
  for (Value& item : items) {
    if (static_cast<Integer>(part.size()) == wanted) MARQUEE_CHECK(flush());
    part.push_back(std::move(item));
  }
  if (!part.empty()) {
    if (!bound.is_none_or_absent(1) && static_cast<Integer>(part.size()) < wanted) {
      const Integer missing = wanted - static_cast<Integer>(part.size());
      if (missing > kMaxRange) return value_error("batch() fills up no more than " + std::to_string(kMaxRange));
      MARQUEE_CHECK(runtime.budget().spend(static_cast<std::uint64_t>(missing)));
      part.resize(part.size() + static_cast<std::size_t>(missing), bound[1]);
    }
    MARQUEE_CHECK(flush());
  }
  return iterator_over("generator", std::move(parts));
}

constexpr std::array kSequenceFilters = {
    Filter{"first", first},        Filter{"last", last},     Filter{"list", list},
    Filter{"reverse", reverse},    Filter{"join", join},     Filter{"sort", sort},
    Filter{"dictsort", sort_dict}, Filter{"unique", unique}, Filter{"min", extreme<false>},
    Filter{"max", extreme<true>},  Filter{"sum", sum},       Filter{"slice", slice},
    Filter{"batch", batch},
};

}  // namespace

std::span<const Filter> sequence_filters() { return kSequenceFilters; }

}  // namespace marquee::text::jinja
