#include "text/grammar/json_schema.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "text/grammar/number_range.h"
#include "text/grammar/regex_parser.h"
#include "text/grammar/schema_formats.h"
#include "text/grammar/schema_reader.h"

namespace marquee::text::grammar {

namespace json = base::json;
using base::Result;

namespace {

struct TypeKeyword {
  std::string_view name;
  TypeSet type;
};

constexpr TypeKeyword kTypeKeywords[] = {
    {"properties", kObjectType},    {"required", kObjectType},         {"additionalProperties", kObjectType},
    {"minProperties", kObjectType}, {"maxProperties", kObjectType},    {"unevaluatedProperties", kObjectType},
    {"items", kArrayType},          {"prefixItems", kArrayType},       {"minItems", kArrayType},
    {"maxItems", kArrayType},       {"minLength", kStringType},        {"maxLength", kStringType},
    {"pattern", kStringType},       {"format", kStringType},           {"minimum", kNumberType},
    {"maximum", kNumberType},       {"exclusiveMinimum", kNumberType}, {"exclusiveMaximum", kNumberType},
    {"multipleOf", kNumberType},
};

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

bool is_true(const json::value& schema) {
  return (schema.is_bool() && schema.get_bool()) || (schema.is_object() && schema.get_object().empty());
}

std::uint32_t count_of(const json::object& schema, std::string_view name, std::uint32_t otherwise) {
  const json::value* value = schema.if_contains(name);
  if (value == nullptr) return otherwise;
  const double number = value->to_number<double>();
  return number >= kUnbounded ? kUnbounded : static_cast<std::uint32_t>(number);
}

TypeSet type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return kNullType;
    case json::kind::bool_: return kBooleanType;
    case json::kind::int64:
    case json::kind::uint64: return kIntegerType;
    case json::kind::double_:
      return std::floor(value.get_double()) == value.get_double() ? kIntegerType : kFractionType;
    case json::kind::string: return kStringType;
    case json::kind::array: return kArrayType;
    case json::kind::object: return kObjectType;
  }
  return 0;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

NumberBounds bounds_of(const json::object& schema) {
  NumberBounds bounds;
  const auto value = [&](std::string_view name) -> std::optional<double> {
    const json::value* found = schema.if_contains(name);
    return found == nullptr ? std::nullopt : std::optional(found->to_number<double>());
  };
  bounds.low = value("minimum");
  if (const auto above = value("exclusiveMinimum"); above && (!bounds.low || *above >= *bounds.low)) {
    bounds.low = above;
    bounds.above_low = true;
  }
  bounds.high = value("maximum");
  if (const auto below = value("exclusiveMaximum"); below && (!bounds.high || *below <= *bounds.high)) {
    bounds.high = below;
    bounds.below_high = true;
  }
  return bounds;
}

bool within(const NumberBounds& bounds, double value) {
  if (bounds.low && (value < *bounds.low || (bounds.above_low && value == *bounds.low))) return false;
  return !bounds.high || !(value > *bounds.high || (bounds.below_high && value == *bounds.high));
}

class SchemaWriter {
 public:
  SchemaWriter(const json::value& document, Grammar& grammar, JsonRules& rules, Budget& budget)
      : document_(document), grammar_(grammar), rules_(rules), budget_(budget), reader_(document) {}

  Result<ExprId> run() {
    const ExprId root = schema(document_, "");
    while (!waiting_.empty()) {
      const Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      MARQUEE_ASSIGN(const json::object read, reader_.read(*next.schema, next.pointer));
      MARQUEE_ASSIGN(const ExprId body, write(read, next.pointer));
      grammar_.define(next.rule, body);
      if (budget_.spent()) return budget_.error();
      if (grammar_.full()) return schema_error(next.pointer, "the schema is too large");
    }
    return root;
  }

 private:
  struct Waiting {
    RuleId rule;
    const json::value* schema;
    std::string pointer;
  };

  /// What a schema allows: a rule of its own, written later, so that schemas may refer to themselves. Equal schemas
  /// share one.
  ExprId schema(const json::value& value, const std::string& pointer) {
    if (is_true(value)) return rules_.value();
    if (value.is_bool()) return grammar_.nothing();
    std::string text = json::serialize(value);
    if (!budget_.take(text.size() * 2 + 256)) return grammar_.nothing();
    const auto [found, is_new] = known_.try_emplace(std::move(text), 0);
    if (is_new) {
      found->second = grammar_.declare(pointer.empty() ? "schema" : pointer);
      if (grammar_.full()) return grammar_.nothing();
      // The document itself stays where it is, so that the reader knows it.
      if (&value != &document_) kept_.push_back(value);
      waiting_.push_back({found->second, &value == &document_ ? &document_ : &kept_.back(), pointer});
    }
    return grammar_.reference(found->second);
  }

  Result<ExprId> write(const json::object& read, const std::string& pointer) {
    if (const json::value* branches = read.if_contains("anyOf"))
      return write_branches(read, *branches, "anyOf", pointer);
    if (const json::value* branches = read.if_contains("oneOf"))
      return write_branches(read, *branches, "oneOf", pointer);
    if (const json::value* values = read.if_contains("enum")) return write_enum(read, values->get_array(), pointer);
    MARQUEE_ASSIGN(TypeSet types, SchemaReader::types(read, pointer));
    if (!read.contains("type")) types = implied_types(read);
    std::vector<ExprId> options;
    if ((types & kObjectType) != 0) {
      MARQUEE_ASSIGN(const ExprId option, write_object(read, pointer));
      options.push_back(option);
    }
    if ((types & kArrayType) != 0) {
      MARQUEE_ASSIGN(const ExprId option, write_array(read, pointer));
      options.push_back(option);
    }
    if ((types & kStringType) != 0) {
      MARQUEE_ASSIGN(const ExprId option, write_string(read, pointer));
      options.push_back(option);
    }
    if ((types & kNumberType) != 0) {
      MARQUEE_ASSIGN(const ExprId option, write_number(read, (types & kFractionType) == 0, pointer));
      options.push_back(option);
    }
    if ((types & kBooleanType) != 0) options.push_back(rules_.boolean());
    if ((types & kNullType) != 0) options.push_back(rules_.null());
    return grammar_.choice(std::move(options));
  }

  static TypeSet implied_types(const json::object& read) {
    TypeSet types = 0;
    for (const auto& [name, type] : kTypeKeywords) {
      if (read.contains(name)) types = static_cast<TypeSet>(types | type);
    }
    return types == 0 ? TypeSet{kAnyType} : types;
  }

  Result<ExprId> write_branches(const json::object& read, const json::value& branches, std::string_view keyword,
                                const std::string& pointer) {
    json::object rest = read;
    rest.erase(keyword);
    json::object whole;
    if (const json::value* others = read.if_contains("unevaluatedProperties")) {
      whole["unevaluatedProperties"] = *others;  // of the branches too
      rest.erase("unevaluatedProperties");
    }
    std::vector<json::value> merged;
    for (const json::value& branch : branches.get_array()) {
      if (rest.empty() && whole.empty()) {
        merged.push_back(branch);
      } else {
        whole["allOf"] = json::array{rest, branch};
        merged.emplace_back(whole);
      }
    }
    const std::string where = pointer_to(pointer, keyword);
    if (keyword == "oneOf") MARQUEE_CHECK(check_disjoint(merged, where));
    std::vector<ExprId> options;
    for (std::size_t i = 0; i < merged.size(); ++i) {
      options.push_back(schema(merged[i], pointer_to(where, std::to_string(i))));
    }
    return grammar_.choice(std::move(options));
  }

  Result<void> check_disjoint(const std::vector<json::value>& branches, const std::string& where) {
    if (branches.size() > kMaxOneOf) {
      return schema_error(where, "at most " + std::to_string(kMaxOneOf) + " alternatives are allowed; use anyOf");
    }
    for (std::size_t i = 0; i < branches.size(); ++i) {
      for (std::size_t j = i + 1; j < branches.size(); ++j) {
        if (!budget_.take(0)) return budget_.error();
        if (reader_.disjoint(branches[i], branches[j], where)) continue;
        return schema_error(where, "alternatives " + std::to_string(i) + " and " + std::to_string(j) +
                                       " may hold for the same value; use anyOf, or give them a required property with "
                                       "different constants");
      }
    }
    return {};
  }

  Result<ExprId> write_enum(const json::object& read, const json::array& values, const std::string& pointer) {
    MARQUEE_ASSIGN(const TypeSet types, SchemaReader::types(read, pointer));
    for (const std::string_view name :
         {"properties", "required", "additionalProperties", "minProperties", "maxProperties", "unevaluatedProperties",
          "items", "prefixItems", "minItems", "maxItems", "pattern", "format", "multipleOf"}) {
      if (read.contains(name))
        return schema_error(pointer_to(pointer, name), "not supported together with enum or const");
    }
    const NumberBounds bounds = bounds_of(read);
    const std::uint32_t shortest = count_of(read, "minLength", 0);
    const std::uint32_t longest = count_of(read, "maxLength", kUnbounded);
    std::vector<ExprId> options;
    for (const json::value& value : values) {
      if ((type_of(value) & types) == 0) continue;
      if (value.is_number() && !within(bounds, value.to_number<double>())) continue;
      if (value.is_string()) {
        const std::size_t length = characters_in(view(value.get_string()));
        if (length < shortest || length > longest) continue;
      }
      options.push_back(rules_.constant(value));
      if (!budget_.take(64)) return budget_.error();
    }
    return grammar_.choice(std::move(options));
  }

  Result<ExprId> write_number(const json::object& read, bool whole, const std::string& pointer) {
    if (const json::value* multiple = read.if_contains("multipleOf")) {
      if (multiple->to_number<double>() != 1.0) {
        return schema_error(pointer_to(pointer, "multipleOf"), "only 1 is supported");
      }
      whole = true;
    }
    const NumberBounds bounds = bounds_of(read);
    if (!bounds.any()) return whole ? rules_.integer() : rules_.number();
    auto numbers = whole ? integers_within(grammar_, bounds) : numbers_within(grammar_, bounds);
    if (!numbers) return schema_error(pointer, numbers.error().message);
    return *numbers;
  }

  Result<ExprId> write_string(const json::object& read, const std::string& pointer) {
    const std::uint32_t min = count_of(read, "minLength", 0);
    const std::uint32_t max = count_of(read, "maxLength", kUnbounded);
    const json::value* pattern = read.if_contains("pattern");
    const json::value* format = read.if_contains("format");
    if (pattern != nullptr && format != nullptr) {
      return schema_error(pointer_to(pointer, "format"), "not supported together with pattern");
    }
    if (max < min) return grammar_.nothing();
    if (pattern != nullptr) return write_pattern(view(pattern->get_string()), min, max, pointer_to(pointer, "pattern"));
    if (format != nullptr) {
      const std::string_view name = view(format->get_string());
      const auto known = format_pattern(name);
      if (!known) {
        return schema_error(
            pointer_to(pointer, "format"),
            "the format '" + std::string(name) + "' is not supported; known are " + std::string(known_formats()));
      }
      return write_pattern(*known, min, max, pointer_to(pointer, "format"));
    }
    if (min == 0 && max == kUnbounded) return rules_.string();
    return rules_.string_of_length(min, max);
  }

  Result<ExprId> write_pattern(std::string_view pattern, std::uint32_t min, std::uint32_t max,
                               const std::string& pointer) {
    auto read = parse_pattern(pattern, grammar_, rules_);
    if (!read) return schema_error(pointer, read.error().message);
    if (read->min_characters < min || read->max_characters > max) {
      return schema_error(pointer,
                          "not supported together with minLength or maxLength, unless every string that matches "
                          "is within them; put the counts into the pattern");
    }
    return rules_.quoted(read->content);
  }

  Result<ExprId> write_array(const json::object& read, const std::string& pointer) {
    const json::value* prefix = read.if_contains("prefixItems");
    const json::value* items = read.if_contains("items");
    const std::uint32_t min = count_of(read, "minItems", 0);
    const std::uint32_t max = count_of(read, "maxItems", kUnbounded);
    if (max < min) return grammar_.nothing();
    std::vector<ExprId> first;
    if (prefix != nullptr) {
      for (const json::value& item : prefix->get_array()) {
        if (first.size() >= max) break;
        first.push_back(schema(item, pointer_to(pointer_to(pointer, "prefixItems"), std::to_string(first.size()))));
      }
    }
    if (first.empty() && items == nullptr && min == 0 && max == kUnbounded) return rules_.array();
    const auto count = static_cast<std::uint32_t>(first.size());
    const bool more = items != nullptr || prefix == nullptr || min > count;
    ExprId item = 0;
    if (items != nullptr) {
      item = schema(*items, pointer_to(pointer, "items"));
    } else {
      item = more ? rules_.value() : grammar_.nothing();
    }
    return rules_.bracketed("[", array_content(first, item, min, max), "]");
  }

  /// From the last item to the first, since each may only come if the one before it has.
  ExprId array_content(const std::vector<ExprId>& first, ExprId item, std::uint32_t min, std::uint32_t max) {
    const auto count = static_cast<std::uint32_t>(first.size());
    if (max == 0) return grammar_.literal("");
    const auto left = [count](std::uint32_t total) {
      return total == kUnbounded ? kUnbounded : total - std::min(total, count);
    };
    if (count == 0) {
      const ExprId further = grammar_.sequence({rules_.comma(), item});
      const ExprId all = grammar_.sequence(
          {item, grammar_.repeat(further, min == 0 ? 0 : min - 1, max == kUnbounded ? max : max - 1)});
      return min == 0 ? grammar_.optional(all) : all;
    }
    ExprId tail = grammar_.repeat(grammar_.sequence({rules_.comma(), item}), left(min), left(max));
    for (std::uint32_t i = count; i-- > 0;) {
      std::vector<ExprId> parts;
      if (i > 0) parts.push_back(rules_.comma());
      parts.push_back(first[i]);
      parts.push_back(tail);
      tail = grammar_.sequence(std::move(parts));
      if (i >= min) tail = grammar_.optional(tail);
    }
    return tail;
  }

  struct Property {
    ExprId pair = 0;
    bool required = false;
  };

  Result<ExprId> write_object(const json::object& read, const std::string& pointer) {
    static const json::object kNone;
    const json::value* named = read.if_contains("properties");
    const json::object& properties = named == nullptr ? kNone : named->get_object();
    MARQUEE_ASSIGN(const json::value others, additional(read, pointer));
    std::vector<std::string_view> required;
    if (const json::value* list = read.if_contains("required")) {
      for (const json::value& name : list->get_array()) required.push_back(view(name.get_string()));
    }
    const bool open = !(others.is_bool() && !others.get_bool());
    MARQUEE_CHECK(check_counts(read, properties.size(), required.size(), open, pointer));
    if (properties.empty() && required.empty() && is_true(others) && !read.contains("maxProperties") &&
        !read.contains("minProperties")) {
      return rules_.object();
    }
    std::vector<Property> all;
    std::vector<std::string_view> names;
    const auto add = [&](std::string_view name, const json::value& value, bool is_required) {
      names.push_back(name);
      const ExprId content = schema(value, pointer_to(pointer_to(pointer, "properties"), name));
      all.push_back({grammar_.sequence({rules_.key(name), content}), is_required});
    };
    for (const auto& entry : properties) {
      const std::string_view name(entry.key().data(), entry.key().size());
      const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
      if (!is_required && entry.value().is_bool() && !entry.value().get_bool()) {
        names.push_back(name);  // must not come, not even as an additional one
      } else {
        add(name, entry.value(), is_required);
      }
    }
    for (const std::string_view name : required) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      add(name, read.contains("additionalProperties") ? others : json::value(true), true);
    }
    return write_properties(read, all, open ? std::optional(other_pair(others, names, pointer)) : std::nullopt);
  }

  ExprId other_pair(const json::value& others, const std::vector<std::string_view>& names, const std::string& pointer) {
    return grammar_.sequence({rules_.other_key(names), schema(others, pointer_to(pointer, "additionalProperties"))});
  }

  /// The schema of properties that have no name in the schema.
  static Result<json::value> additional(const json::object& read, const std::string& pointer) {
    if (const json::value* others = read.if_contains("additionalProperties")) return *others;
    if (const json::value* others = read.if_contains("unevaluatedProperties")) {
      if (others->is_bool()) return *others;
      return schema_error(pointer_to(pointer, "unevaluatedProperties"), "only true and false are supported");
    }
    return json::value(!read.contains("properties"));
  }

  // The same additional property may come twice, so that a least number of them cannot be counted.
  static Result<void> check_counts(const json::object& read, std::size_t named, std::size_t required, bool open,
                                   const std::string& pointer) {
    const std::uint32_t min = count_of(read, "minProperties", 0);
    const std::uint32_t max = count_of(read, "maxProperties", kUnbounded);
    if (min > std::max<std::size_t>(required, named == 0 && open ? 1 : 0)) {
      return schema_error(pointer_to(pointer, "minProperties"),
                          "only supported up to the number of required properties");
    }
    if (max != kUnbounded && named + required > 0 && (open || max < named)) {
      return schema_error(pointer_to(pointer, "maxProperties"),
                          "only supported for objects that have no `properties` or can hold all of them");
    }
    return {};
  }

  Result<ExprId> write_properties(const json::object& read, const std::vector<Property>& all,
                                  std::optional<ExprId> other) {
    if (all.empty()) {
      const std::uint32_t min = count_of(read, "minProperties", 0);
      const std::uint32_t max = count_of(read, "maxProperties", kUnbounded);
      if (!other || max == 0) return rules_.bracketed("{", grammar_.literal(""), "}");
      const ExprId further =
          grammar_.repeat(grammar_.sequence({rules_.comma(), *other}), 0, max == kUnbounded ? max : max - 1);
      const ExprId some = grammar_.sequence({*other, further});
      return rules_.bracketed("{", min == 0 ? grammar_.optional(some) : some, "}");
    }
    std::vector<ExprId> items;
    std::vector<bool> required;
    for (const Property& property : all) {
      items.push_back(property.pair);
      required.push_back(property.required);
    }
    if (other) {
      items.push_back(*other);
      required.push_back(false);
    }
    const ExprId list = grammar_.list(rules_.comma(), items, std::move(required), other.has_value());
    return rules_.bracketed("{", list, "}");
  }

  const json::value& document_;
  Grammar& grammar_;
  JsonRules& rules_;
  Budget& budget_;
  SchemaReader reader_;
  std::map<std::string, RuleId> known_;
  std::deque<json::value> kept_;
  std::deque<Waiting> waiting_;
};

}  // namespace

Result<ExprId> add_schema(const json::value& schema, Grammar& grammar, JsonRules& rules, Budget& budget) {
  return SchemaWriter(schema, grammar, rules, budget).run();
}

}  // namespace marquee::text::grammar
