#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "text/grammar/schema_reader.h"

namespace marquee::text::grammar {

namespace json = base::json;
using base::Result;

namespace {

json::value both(const json::value& a, const json::value& b) {
  if (a == b) return a;
  return json::object{{"allOf", json::array{a, b}}};
}

constexpr std::pair<TypeSet, std::string_view> kTypeNames[] = {
    {kNullType, "null"},     {kBooleanType, "boolean"}, {kNumberType, "number"}, {kIntegerType, "integer"},
    {kStringType, "string"}, {kArrayType, "array"},     {kObjectType, "object"}};

json::array type_names(TypeSet types) {
  json::array names;
  for (const auto& [type, name] : kTypeNames) {
    if ((types & type) != type) continue;
    names.emplace_back(name);
    types = static_cast<TypeSet>(types & ~type);
  }
  return names;
}

bool contains(const json::array& list, const json::value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

double number(const json::value& value) { return value.to_number<double>(); }

/// The keywords of objects: each side's additionalProperties holds for what only the other side names.
void merge_properties(const json::object& a, const json::object& b, json::object& out) {
  constexpr std::string_view kNames[] = {"properties", "additionalProperties"};
  const bool any = std::any_of(std::begin(kNames), std::end(kNames),
                               [&](std::string_view name) { return a.contains(name) || b.contains(name); });
  if (!any) return;
  const auto properties = [](const json::object& schema) {
    const json::value* found = schema.if_contains("properties");
    return found == nullptr ? json::object() : found->get_object();
  };
  const auto others = [](const json::object& schema) { return schema.if_contains("additionalProperties"); };
  const json::object mine = properties(a);
  const json::object theirs = properties(b);
  json::object merged;
  for (const auto& entry : mine) {
    const json::value* other = theirs.if_contains(entry.key());
    if (other == nullptr) other = others(b);
    merged[entry.key()] = other == nullptr ? entry.value() : both(entry.value(), *other);
  }
  for (const auto& entry : theirs) {
    if (merged.contains(entry.key())) continue;
    const json::value* other = others(a);
    merged[entry.key()] = other == nullptr ? entry.value() : both(*other, entry.value());
  }
  if (!merged.empty()) out["properties"] = std::move(merged);
  if (others(a) != nullptr && others(b) != nullptr) {
    out["additionalProperties"] = both(*others(a), *others(b));
  } else if (others(a) != nullptr || others(b) != nullptr) {
    out["additionalProperties"] = others(a) != nullptr ? *others(a) : *others(b);
  }
}

void merge_items(const json::object& a, const json::object& b, json::object& out) {
  const auto prefix = [](const json::object& schema) {
    const json::value* found = schema.if_contains("prefixItems");
    return found == nullptr ? json::array() : found->get_array();
  };
  const auto items = [](const json::object& schema) { return schema.if_contains("items"); };
  const json::array mine = prefix(a);
  const json::array theirs = prefix(b);
  json::array merged;
  for (std::size_t i = 0; i < std::max(mine.size(), theirs.size()); ++i) {
    const json::value* first = i < mine.size() ? &mine[i] : items(a);
    const json::value* second = i < theirs.size() ? &theirs[i] : items(b);
    if (first != nullptr && second != nullptr) {
      merged.push_back(both(*first, *second));
    } else {
      merged.push_back(first != nullptr ? *first : *second);
    }
  }
  if (!merged.empty()) out["prefixItems"] = std::move(merged);
  if (items(a) != nullptr && items(b) != nullptr) {
    out["items"] = both(*items(a), *items(b));
  } else if (items(a) != nullptr || items(b) != nullptr) {
    out["items"] = items(a) != nullptr ? *items(a) : *items(b);
  }
}

/// A keyword that both have, with different values.
Result<json::value> merge_keyword(std::string_view name, const json::value& a, const json::value& b,
                                  const std::string& pointer) {
  if (name.starts_with("min") || name == "exclusiveMinimum") return number(a) > number(b) ? a : b;
  if (name.starts_with("max") || name == "exclusiveMaximum") return number(a) < number(b) ? a : b;
  if (name == "required") {
    json::array all = a.get_array();
    for (const json::value& entry : b.get_array()) {
      if (!contains(all, entry)) all.push_back(entry);
    }
    return json::value(std::move(all));
  }
  if (name == "enum") {
    json::array common;
    for (const json::value& entry : a.get_array()) {
      if (contains(b.get_array(), entry)) common.push_back(entry);
    }
    return json::value(std::move(common));
  }
  if (name == "unevaluatedProperties") return both(a, b);
  return schema_error(pointer_to(pointer, name),
                      "this keyword stands in two schemas that are to hold together; that is "
                      "not supported");
}

}  // namespace

Result<json::object> merge_schemas(const json::object& a, const json::object& b, const std::string& pointer) {
  json::object out;
  merge_properties(a, b, out);
  merge_items(a, b, out);
  const auto is_merged = [](std::string_view name) {
    return name == "properties" || name == "additionalProperties" || name == "prefixItems" || name == "items";
  };
  for (const auto& entry : a) {
    const std::string_view name(entry.key().data(), entry.key().size());
    const json::value* other = b.if_contains(name);
    if (is_merged(name)) continue;
    if (other == nullptr || *other == entry.value()) {
      out[name] = entry.value();
    } else if (name == "type") {
      MARQUEE_ASSIGN(const TypeSet mine, SchemaReader::types(a, pointer));
      MARQUEE_ASSIGN(const TypeSet theirs, SchemaReader::types(b, pointer));
      out[name] = type_names(static_cast<TypeSet>(mine & theirs));
    } else {
      MARQUEE_ASSIGN(out[name], merge_keyword(name, entry.value(), *other, pointer));
    }
  }
  for (const auto& entry : b) {
    const std::string_view name(entry.key().data(), entry.key().size());
    if (!is_merged(name) && !out.contains(name)) out[name] = entry.value();
  }
  return out;
}

}  // namespace marquee::text::grammar
