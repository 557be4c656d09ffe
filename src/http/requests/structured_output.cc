#include "http/requests/structured_output.h"

#include <string>
#include <utility>

#include "http/requests/fields.h"

namespace marquee::http {

namespace json = base::json;
using text::grammar::Source;

namespace {

constexpr std::size_t kMaxSchemaNameBytes = 64;

base::Error wrong(const std::string& field, std::string_view expected) {
  return base::invalid_argument("'" + field + "' must be " + std::string(expected), field);
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxSchemaNameBytes &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
             std::string_view::npos;
}

base::Result<std::optional<Source>> parse_json_schema(const json::value& holder) {
  const std::string field = "response_format.json_schema";
  if (!holder.is_object()) return wrong(field, "an object");
  const json::object& object = holder.get_object();
  const json::value* name = find_field(object, "name");
  if (name == nullptr) return missing_field(field + ".name");
  if (!name->is_string() || !is_plain_name(string_of(*name))) {
    return wrong(field + ".name", "1 to 64 letters, digits, '_' or '-'");
  }
  if (const json::value* text = find_field(object, "description"); text != nullptr && !text->is_string()) {
    return wrong(field + ".description", "a string");
  }
  if (const json::value* strict = find_field(object, "strict"); strict != nullptr && !strict->is_bool()) {
    return wrong(field + ".strict", "true or false");
  }
  const json::value* schema = find_field(object, "schema");
  if (schema == nullptr) return missing_field(field + ".schema");
  if (!schema->is_object()) return wrong(field + ".schema", "an object");
  return std::optional(Source{Source::Kind::kJsonSchema, json::serialize(*schema)});
}

}  // namespace

base::Result<std::optional<Source>> parse_response_format(const json::value& value) {
  if (!value.is_object()) return wrong("response_format", "an object");
  const json::object& object = value.get_object();
  const json::value* type = find_field(object, "type");
  if (type == nullptr) return missing_field("response_format.type");
  const std::string_view name = type->is_string() ? string_of(*type) : std::string_view();
  if (name != "text" && name != "json_object" && name != "json_schema") {
    return wrong("response_format.type", "one of: text, json_object, json_schema");
  }
  // What this type has no use for must be right as well: a mistake in it is more likely one in the type.
  std::optional<Source> named;
  if (const json::value* holder = find_field(object, "json_schema"); holder != nullptr) {
    MARQUEE_ASSIGN(named, parse_json_schema(*holder));
  }
  const json::value* schema = find_field(object, "schema");
  if (schema != nullptr && !schema->is_object()) return wrong("response_format.schema", "an object");
  if (name == "text") return std::optional<Source>();
  if (name == "json_schema" && !named) return missing_field("response_format.json_schema");
  if (name == "json_schema") return named;
  if (schema == nullptr) return std::optional(Source{Source::Kind::kJsonObject, {}});
  return std::optional(Source{Source::Kind::kJsonSchema, json::serialize(*schema)});
}

}  // namespace marquee::http
