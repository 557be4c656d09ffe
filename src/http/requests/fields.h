#pragma once
// Tables of the fields of a JSON request body. From one line per field come its check, its error and its JSON Schema,
// so that what the API accepts and what its document says cannot drift apart.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace marquee::http {

enum class FieldKind : std::uint8_t {
  kBoolean,
  kInteger,      ///< min..max; 3.0 is an integer
  kNumber,       ///< min..max
  kString,       ///< at most `max` bytes
  kEnum,         ///< one of the comma-separated names in `schema`
  kCustom,       ///< checked by its reader alone; `schema` is its JSON Schema
  kUnsupported,  ///< known elsewhere, not here: its reader says which harmless values pass; not in the document
};

/// What the check and the document need to know of a field.
struct FieldRule {
  std::string_view name;
  FieldKind kind = FieldKind::kCustom;
  double min = 0;
  double max = 0;
  bool required = false;   ///< absent or null is an error
  bool above_min = false;  ///< `min` itself is out of range
  std::string_view schema = {};
  std::string_view default_json = {};
  std::string_view description = {};
};

/// One line of a table: the rule, and how the checked value reaches the request.
template <typename Target>
struct Field {
  FieldRule rule;
  base::Result<void> (*read)(const base::json::value& value, Target& target);
};

/// The integer a JSON number is, if it is one and fits.
std::optional<std::int64_t> as_integer(const base::json::value& value);

/// The `max` of an integer field that has no narrower one and is read by to_int32.
inline constexpr double kMaxInt32 = std::numeric_limits<std::int32_t>::max();
/// The value of a field that was checked to be an integer within 32 bits.
std::int32_t to_int32(const base::json::value& value);

/// The text of a value that is known to be a string.
std::string_view string_of(const base::json::value& value);

/// The optional field that names a tenant.
constexpr FieldRule tenant_rule(std::string_view description) {
  return {.name = "tenant",
          .schema = R"({"type": ["string", "null"], "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$", "maxLength": 64})",
          .description = description};
}
/// @error kInvalidArgument naming the field if it is no string
base::Result<void> read_tenant(const base::json::value& value, std::optional<std::string>& tenant);

/// Whether valid UTF-8 has at most `most` code points, which is how JSON Schema's maxLength counts.
bool within_length(std::string_view text, std::size_t most);

/// @error kInvalidArgument naming the field if `value` breaks the rule's type or range
base::Result<void> check_field(const FieldRule& rule, const base::json::value& value);
base::Error missing_field(std::string_view name);
/// "not supported by this server" with what to do instead; code kUnsupported.
base::Error unsupported_field(std::string_view name, std::string_view remedy);

/// The value of a field that is there and not null.
const base::json::value* find_field(const base::json::object& object, std::string_view name);

/// Checks and reads every field of the table; fields that are in no table are ignored.
template <typename Target>
base::Result<void> read_fields(std::span<const Field<Target>> fields, const base::json::object& object,
                               Target& target) {
  for (const Field<Target>& field : fields) {
    const base::json::value* value = find_field(object, field.rule.name);
    if (value == nullptr) {
      if (field.rule.required) return missing_field(field.rule.name);
      continue;
    }
    MARQUEE_CHECK(check_field(field.rule, *value));
    MARQUEE_CHECK(field.read(*value, target));
  }
  return {};
}

/// Adds the fields to an object schema {"type": "object", "properties": {…}, "required": […]}.
void add_to_schema(const FieldRule& rule, base::json::object& schema);
template <typename Target>
void add_to_schema(std::span<const Field<Target>> fields, base::json::object& schema) {
  for (const Field<Target>& field : fields) add_to_schema(field.rule, schema);
}

/// Parses a request body that must be a JSON object. @error kInvalidArgument, kTooLarge
base::Result<base::json::object> parse_body(std::string_view body);

}  // namespace marquee::http
