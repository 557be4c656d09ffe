#include "text/grammar/schema_reader.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace marquee::text::grammar {

namespace json = base::json;
using base::Result;

namespace {

constexpr unsigned kMaxReferenceDepth = 64;
constexpr unsigned kMaxDisjointDepth = 4;
// Steps of resolving; each copies a schema's keywords.
constexpr std::size_t kMaxSchemaWork = 20'000;

enum class Use : std::uint8_t { kKeyword, kAnnotation, kUnsupported };

struct Keyword {
  std::string_view name;
  Use use;
};

constexpr Keyword kKeywords[] = {
    {"type", Use::kKeyword},
    {"enum", Use::kKeyword},
    {"const", Use::kKeyword},
    {"properties", Use::kKeyword},
    {"required", Use::kKeyword},
    {"additionalProperties", Use::kKeyword},
    {"unevaluatedProperties", Use::kKeyword},
    {"minProperties", Use::kKeyword},
    {"maxProperties", Use::kKeyword},
    {"items", Use::kKeyword},
    {"prefixItems", Use::kKeyword},
    {"minItems", Use::kKeyword},
    {"maxItems", Use::kKeyword},
    {"uniqueItems", Use::kKeyword},
    {"minLength", Use::kKeyword},
    {"maxLength", Use::kKeyword},
    {"pattern", Use::kKeyword},
    {"format", Use::kKeyword},
    {"minimum", Use::kKeyword},
    {"maximum", Use::kKeyword},
    {"exclusiveMinimum", Use::kKeyword},
    {"exclusiveMaximum", Use::kKeyword},
    {"multipleOf", Use::kKeyword},
    {"anyOf", Use::kKeyword},
    {"oneOf", Use::kKeyword},
    {"allOf", Use::kKeyword},
    {"$ref", Use::kKeyword},
    {"$defs", Use::kAnnotation},
    {"definitions", Use::kAnnotation},
    {"not", Use::kUnsupported},
    {"if", Use::kUnsupported},
    {"then", Use::kUnsupported},
    {"else", Use::kUnsupported},
    {"dependentSchemas", Use::kUnsupported},
    {"dependentRequired", Use::kUnsupported},
    {"dependencies", Use::kUnsupported},
    {"patternProperties", Use::kUnsupported},
    {"propertyNames", Use::kUnsupported},
    {"contains", Use::kUnsupported},
    {"minContains", Use::kUnsupported},
    {"maxContains", Use::kUnsupported},
    {"additionalItems", Use::kUnsupported},
    {"unevaluatedItems", Use::kUnsupported},
    {"$dynamicRef", Use::kUnsupported},
    {"$recursiveRef", Use::kUnsupported},
    {"$vocabulary", Use::kUnsupported},
    {"nullable", Use::kUnsupported},
};

/// What JSON Schema does not know it ignores.
Use use_of(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kKeywords), std::end(kKeywords), [&](const Keyword& k) { return k.name == name; });
  return found == std::end(kKeywords) ? Use::kAnnotation : found->use;
}

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

Result<void> check_shape(std::string_view name, const json::value& value, const std::string& pointer) {
  const auto is_count = [&] {
    return (value.is_int64() && value.get_int64() >= 0) || value.is_uint64() ||
           (value.is_double() && value.get_double() >= 0 && value.get_double() < 1e15 &&
            value.get_double() == static_cast<double>(static_cast<std::int64_t>(value.get_double())));
  };
  const auto is_schema = [](const json::value& v) { return v.is_object() || v.is_bool(); };
  const auto all_schemas = [&](const json::array& list) { return std::all_of(list.begin(), list.end(), is_schema); };
  const auto expect = [&](bool good, std::string_view what) -> Result<void> {
    if (good) return {};
    return schema_error(pointer_to(pointer, name), std::string("must be ") + std::string(what));
  };
  if (name.starts_with("min") || name.starts_with("max")) {
    if (name == "minimum" || name == "maximum") return expect(value.is_number(), "a number");
    return expect(is_count(), "an integer of at least 0");
  }
  if (name.starts_with("exclusive") || name == "multipleOf") return expect(value.is_number(), "a number");
  if (name == "pattern" || name == "format" || name == "$ref") return expect(value.is_string(), "a string");
  if (name == "uniqueItems") return expect(value.is_bool(), "true or false");
  if (name == "enum") return expect(value.is_array(), "an array");
  if (name == "required") {
    return expect(value.is_array() && std::all_of(value.get_array().begin(), value.get_array().end(),
                                                  [](const json::value& v) { return v.is_string(); }),
                  "an array of strings");
  }
  if (name == "properties") {
    return expect(value.is_object() && std::all_of(value.get_object().begin(), value.get_object().end(),
                                                   [&](const auto& entry) { return is_schema(entry.value()); }),
                  "an object of schemas");
  }
  if (name == "additionalProperties" || name == "items" || name == "unevaluatedProperties") {
    return expect(is_schema(value), "a schema");
  }
  if (name == "prefixItems") return expect(value.is_array() && all_schemas(value.get_array()), "an array of schemas");
  if (name == "anyOf" || name == "oneOf" || name == "allOf") {
    return expect(value.is_array() && !value.get_array().empty() && all_schemas(value.get_array()),
                  "an array of at least one schema");
  }
  return {};
}

/// The schema's own keywords without annotations, checked one by one.
Result<json::object> own_keywords(const json::object& schema, const std::string& pointer) {
  json::object result;
  for (const auto& entry : schema) {
    const std::string_view name(entry.key().data(), entry.key().size());
    const Use use = use_of(name);
    if (use == Use::kUnsupported) {
      // These allow everything.
      const bool harmless = (name == "nullable" && entry.value() == json::value(false)) ||
                            (name == "unevaluatedItems" && entry.value() == json::value(true));
      if (harmless) continue;
      return schema_error(pointer_to(pointer, name), "this keyword is not supported");
    }
    if (use == Use::kAnnotation) continue;
    MARQUEE_CHECK(check_shape(name, entry.value(), pointer));
    if (name == "uniqueItems") {
      if (entry.value().get_bool()) return schema_error(pointer_to(pointer, name), "this keyword is not supported");
    } else if (name == "const") {
      if (!schema.contains("enum")) result["enum"] = json::array{entry.value()};
    } else {
      result[name] = entry.value();
    }
  }
  if (const json::value* constant = schema.if_contains("const"); constant != nullptr && schema.contains("enum")) {
    const json::array& all = result["enum"].get_array();
    const bool listed = std::find(all.begin(), all.end(), *constant) != all.end();
    result["enum"] = listed ? json::array{*constant} : json::array{};
  }
  return result;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out.push_back(static_cast<char>(value));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string unescaped(std::string_view step) {
  std::string out;
  for (std::size_t i = 0; i < step.size(); ++i) {
    if (step[i] == '~' && i + 1 < step.size() && (step[i + 1] == '0' || step[i + 1] == '1')) {
      out.push_back(step[++i] == '0' ? '~' : '/');
    } else {
      out.push_back(step[i]);
    }
  }
  return out;
}

const json::value* step_into(const json::value& value, const std::string& step) {
  if (value.is_object()) return value.get_object().if_contains(step);
  if (!value.is_array()) return nullptr;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size()) return nullptr;
  return value.get_array().if_contains(index);
}

TypeSet type_named(std::string_view name) {
  if (name == "null") return kNullType;
  if (name == "boolean") return kBooleanType;
  if (name == "integer") return kIntegerType;
  if (name == "number") return kNumberType;
  if (name == "string") return kStringType;
  if (name == "array") return kArrayType;
  if (name == "object") return kObjectType;
  return 0;
}

bool requires_property(const json::object& schema, std::string_view name) {
  const json::value* required = schema.if_contains("required");
  return required != nullptr && std::any_of(required->get_array().begin(), required->get_array().end(),
                                            [&](const json::value& v) { return view(v.get_string()) == name; });
}

const json::value* property(const json::object& schema, std::string_view name) {
  const json::value* properties = schema.if_contains("properties");
  return properties == nullptr ? nullptr : properties->get_object().if_contains(name);
}

bool forbids_others(const json::object& schema) {
  const json::value* additional = schema.if_contains("additionalProperties");
  return additional != nullptr && *additional == json::value(false);
}

}  // namespace

base::Error schema_error(std::string_view pointer, std::string_view what) {
  return base::invalid_argument("at '" + std::string(pointer.empty() ? "/" : pointer) + "': " + std::string(what));
}

std::string pointer_to(std::string_view pointer, std::string_view step) {
  std::string out(pointer);
  out.push_back('/');
  for (const char c : step) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

Result<const json::value*> SchemaReader::resolve(std::string_view reference, const std::string& pointer) const {
  const std::string where = pointer_to(pointer, "$ref");
  if (!reference.starts_with('#') || (reference.size() > 1 && reference[1] != '/')) {
    return schema_error(
        where, "only references into the schema itself are supported (\"#/…\"), not '" + std::string(reference) + "'");
  }
  const std::string path = percent_decoded(reference.substr(1));
  const json::value* at = document_;
  for (std::size_t begin = 0; begin < path.size() && at != nullptr;) {
    const std::size_t end = std::min(path.find('/', begin + 1), path.size());
    at = step_into(*at, unescaped(std::string_view(path).substr(begin + 1, end - begin - 1)));
    begin = end;
  }
  if (at == nullptr || !(at->is_object() || at->is_bool())) {
    return schema_error(where, "'" + std::string(reference) + "' does not lead to a schema");
  }
  return at;
}

Result<json::object> SchemaReader::read(const json::value& schema, const std::string& pointer) {
  return read_at(schema, pointer, 0);
}

Result<json::object> SchemaReader::read_at(const json::value& schema, const std::string& pointer, unsigned depth) {
  if (depth > kMaxReferenceDepth) return schema_error(pointer, "references and allOf nest too deeply, or in a circle");
  if (++work_ > kMaxSchemaWork) return schema_error(pointer, "the schema is too large");
  if (schema.is_bool()) return schema.get_bool() ? Object() : Object{{"enum", json::array{}}};
  if (!schema.is_object()) return schema_error(pointer, "must be a schema: an object, true or false");
  if (&schema != document_ && schema.get_object().contains("$id")) {
    return schema_error(pointer_to(pointer, "$id"), "only the whole schema may have an $id");
  }
  MARQUEE_ASSIGN(Object own, own_keywords(schema.get_object(), pointer));
  std::vector<std::pair<const json::value*, std::string>> parts;
  json::value reference;
  json::value all;
  if (own.contains("$ref")) {
    reference = own["$ref"];
    own.erase("$ref");
    MARQUEE_ASSIGN(const json::value* target, resolve(view(reference.get_string()), pointer));
    parts.emplace_back(target, std::string(view(reference.get_string()).substr(1)));
  }
  if (own.contains("allOf")) {
    all = own["allOf"];
    own.erase("allOf");
    for (const json::value& part : all.get_array()) {
      parts.emplace_back(&part, pointer_to(pointer_to(pointer, "allOf"), std::to_string(parts.size())));
    }
  }
  for (const auto& [part, where] : parts) {
    MARQUEE_ASSIGN(Object read_part, read_at(*part, where, depth + 1));
    // A part's unevaluatedProperties knows only of the part's own properties; this schema's knows of all.
    if (const json::value* rest = read_part.if_contains("unevaluatedProperties")) {
      if (!read_part.contains("additionalProperties")) read_part["additionalProperties"] = json::value(*rest);
      read_part.erase("unevaluatedProperties");
    }
    MARQUEE_ASSIGN(own, merge_schemas(own, read_part, where));
  }
  return own;
}

Result<TypeSet> SchemaReader::types(const json::object& schema, const std::string& pointer) {
  const json::value* type = schema.if_contains("type");
  if (type == nullptr) return TypeSet{kAnyType};
  TypeSet types = 0;
  const auto add = [&](const json::value& name) {
    const TypeSet one = name.is_string() ? type_named(view(name.get_string())) : TypeSet{0};
    types = static_cast<TypeSet>(types | one);
    return one != 0;
  };
  const bool good =
      type->is_array() ? std::all_of(type->get_array().begin(), type->get_array().end(), add) : add(*type);
  if (!good) {
    return schema_error(pointer_to(pointer, "type"),
                        "must be one or an array of: null, boolean, integer, number, string, array, object");
  }
  return types;
}

bool SchemaReader::disjoint(const json::value& a, const json::value& b, const std::string& pointer) {
  return disjoint_at(a, b, pointer, 0);
}

bool SchemaReader::disjoint_at(const json::value& a, const json::value& b, const std::string& pointer, unsigned depth) {
  if (depth > kMaxDisjointDepth) return false;
  const auto first = read(a, pointer);
  const auto second = read(b, pointer);
  if (!first || !second) return false;
  const auto enums = [](const Object& schema) { return schema.if_contains("enum"); };
  if (enums(*first) != nullptr && enums(*second) != nullptr) {
    const json::array& others = enums(*second)->get_array();
    return std::none_of(
        enums(*first)->get_array().begin(), enums(*first)->get_array().end(),
        [&](const json::value& v) { return std::find(others.begin(), others.end(), v) != others.end(); });
  }
  const auto first_types = types(*first, pointer);
  const auto second_types = types(*second, pointer);
  if (!first_types || !second_types) return false;
  const auto common = static_cast<TypeSet>(*first_types & *second_types);
  if (common == 0) return true;
  if (common != kObjectType) return false;
  const auto told_apart = [&](const Object& x, const Object& y) {
    const json::value* required = x.if_contains("required");
    if (required == nullptr) return false;
    return std::any_of(required->get_array().begin(), required->get_array().end(), [&](const json::value& entry) {
      const std::string_view name = view(entry.get_string());
      const json::value* in_y = property(y, name);
      if (in_y == nullptr) return forbids_others(y);
      const json::value* in_x = property(x, name);
      return in_x != nullptr && requires_property(y, name) && disjoint_at(*in_x, *in_y, pointer, depth + 1);
    });
  };
  return told_apart(*first, *second) || told_apart(*second, *first);
}

}  // namespace marquee::text::grammar
