#include "http/requests/fields.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace marquee::http {

namespace json = base::json;

namespace {

std::string number_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return std::to_string(static_cast<std::int64_t>(value));
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

base::Error wrong(const FieldRule& rule, std::string_view expected) {
  return base::invalid_argument("'" + std::string(rule.name) + "' must be " + std::string(expected),
                                std::string(rule.name));
}

std::string range_text(const FieldRule& rule) {
  if (rule.max >= 9.2e18) return " of 64 bits";
  return (rule.above_min ? " above " : " from ") + number_text(rule.min) + (rule.above_min ? " and up to " : " to ") +
         number_text(rule.max);
}

bool in_range(const FieldRule& rule, double value) {
  return (rule.above_min ? value > rule.min : value >= rule.min) && value <= rule.max;
}

bool names_contain(std::string_view names, std::string_view wanted) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    if (name == wanted) return true;
    names.remove_prefix(std::min(names.size(), name.size() + 1));
  }
  return false;
}

/// A bound past the type's means all of it.
std::int64_t to_int64(double bound) {
  if (bound >= 9.2e18) return std::numeric_limits<std::int64_t>::max();
  if (bound <= -9.2e18) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(bound);
}

std::string_view type_name(FieldKind kind) {
  switch (kind) {
    case FieldKind::kBoolean: return "boolean";
    case FieldKind::kInteger: return "integer";
    case FieldKind::kNumber: return "number";
    case FieldKind::kString:
    case FieldKind::kEnum: return "string";
    case FieldKind::kCustom:
    case FieldKind::kUnsupported: break;
  }
  return "";
}

json::object simple_schema(const FieldRule& rule) {
  json::object schema;
  const std::string_view type = type_name(rule.kind);
  if (rule.required) {
    schema["type"] = type;
  } else {
    schema["type"] = json::array{type, "null"};
  }
  if (rule.kind == FieldKind::kInteger) {
    schema["minimum"] = to_int64(rule.min);
    schema["maximum"] = to_int64(rule.max);
  } else if (rule.kind == FieldKind::kNumber) {
    schema[rule.above_min ? "exclusiveMinimum" : "minimum"] = rule.min;
    schema["maximum"] = rule.max;
  } else if (rule.kind == FieldKind::kString) {
    schema["maxLength"] = static_cast<std::int64_t>(rule.max);
    if (rule.min > 0) schema["minLength"] = static_cast<std::int64_t>(rule.min);
  } else if (rule.kind == FieldKind::kEnum) {
    json::array names;
    for (std::string_view rest = rule.schema; !rest.empty();) {
      const std::string_view name = rest.substr(0, rest.find(','));
      names.emplace_back(name);
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
    if (!rule.required) names.emplace_back(nullptr);
    schema["enum"] = std::move(names);
  }
  return schema;
}

}  // namespace

std::optional<std::int64_t> as_integer(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_double()) {
    const double number = value.get_double();
    if (number == std::floor(number) && std::abs(number) <= 9e15) return static_cast<std::int64_t>(number);
  }
  return std::nullopt;  // Boost.JSON keeps as uint64 only what int64 cannot hold
}

base::Result<void> read_tenant(const json::value& value, std::optional<std::string>& tenant) {
  if (!value.is_string()) return base::invalid_argument("'tenant' must be a string", "tenant");
  tenant = std::string(string_of(value));
  return {};
}

bool within_length(std::string_view text, std::size_t most) {
  const auto begins = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins)) <= most;
}

std::int32_t to_int32(const json::value& value) { return static_cast<std::int32_t>(as_integer(value).value()); }

std::string_view string_of(const json::value& value) {
  const json::string& text = value.get_string();
  return {text.data(), text.size()};
}

const json::value* find_field(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

base::Error missing_field(std::string_view name) {
  return base::invalid_argument("'" + std::string(name) + "' is missing", std::string(name));
}

base::Error unsupported_field(std::string_view name, std::string_view remedy) {
  std::string message = "'" + std::string(name) + "' is not supported by this server";
  if (!remedy.empty()) message += "; " + std::string(remedy);
  return {base::ErrorCode::kUnsupported, std::move(message), std::string(name)};
}

base::Result<void> check_field(const FieldRule& rule, const json::value& value) {
  switch (rule.kind) {
    case FieldKind::kBoolean:
      if (!value.is_bool()) return wrong(rule, "true or false");
      break;
    case FieldKind::kInteger: {
      const auto number = as_integer(value);
      if (!number || !in_range(rule, static_cast<double>(*number))) return wrong(rule, "an integer" + range_text(rule));
      break;
    }
    case FieldKind::kNumber:
      if (!value.is_number() || !in_range(rule, value.to_number<double>())) {
        return wrong(rule, "a number" + range_text(rule));
      }
      break;
    case FieldKind::kString:
      if (!value.is_string()) return wrong(rule, "a string");
      if (const auto size = static_cast<double>(value.get_string().size()); size > rule.max || size < rule.min) {
        return wrong(rule, "a string of " + number_text(rule.min) + " to " + number_text(rule.max) + " bytes");
      }
      break;
    case FieldKind::kEnum:
      if (!value.is_string() || !names_contain(rule.schema, string_of(value))) {
        return wrong(rule, "one of: " + std::string(rule.schema));
      }
      break;
    case FieldKind::kCustom:
    case FieldKind::kUnsupported: break;
  }
  return {};
}

void add_to_schema(const FieldRule& rule, json::object& schema) {
  if (rule.kind == FieldKind::kUnsupported) return;
  json::object field = rule.kind == FieldKind::kCustom ? json::parse(rule.schema).as_object() : simple_schema(rule);
  if (!rule.description.empty()) field["description"] = rule.description;
  if (!rule.default_json.empty()) field["default"] = json::parse(rule.default_json);
  schema["properties"].as_object()[rule.name] = std::move(field);
  if (rule.required) schema["required"].as_array().emplace_back(rule.name);
}

base::Result<json::object> parse_body(std::string_view body) {
  if (body.empty()) return base::invalid_argument("the request has no body; send a JSON object");
  MARQUEE_ASSIGN(json::value value, base::parse_json(body, "request body"));
  if (!value.is_object()) return base::invalid_argument("the request body must be a JSON object");
  return std::move(value.get_object());
}

}  // namespace marquee::http
