#include "http/requests/admin_requests.h"

namespace marquee::http {

namespace json = base::json;

namespace {

using Done = base::Result<void>;
constexpr std::size_t kMaxScopes = 8;

Done read_scopes(const json::value& value, KeyRequest& request) {
  request.scopes.clear();
  if (value.is_array() && value.get_array().size() <= kMaxScopes) {
    for (const json::value& entry : value.get_array()) {
      if (!entry.is_string()) return base::invalid_argument("'scopes' must be an array of strings", "scopes");
      request.scopes.emplace_back(string_of(entry));
    }
    return {};
  }
  return base::invalid_argument("'scopes' must be an array of: infer, admin", "scopes");
}

constexpr std::string_view kScopesSchema = R"({"type": ["array", "null"], "minItems": 1, "maxItems": 2,
  "uniqueItems": true, "items": {"type": "string", "enum": ["infer", "admin"]}, "default": ["infer"]})";

constexpr Field<KeyRequest> kKeyFields[] = {
    {tenant_rule("Who it is for; absent: the caller's tenant."),
     [](const json::value& value, KeyRequest& request) { return read_tenant(value, request.tenant); }},
    {{.name = "scopes", .schema = kScopesSchema, .description = "What it opens."}, read_scopes},
    {{.name = "name", .kind = FieldKind::kString, .max = 200, .description = "A note for people."},
     [](const json::value& value, KeyRequest& request) -> Done {
       request.name = string_of(value);
       return {};
     }},
};

}  // namespace

std::span<const Field<KeyRequest>> key_fields() { return kKeyFields; }

base::Result<KeyRequest> parse_key_request(std::string_view body) {
  MARQUEE_ASSIGN(const json::object object, parse_body(body));
  KeyRequest request;
  MARQUEE_CHECK(read_fields(key_fields(), object, request));
  return request;
}

}  // namespace marquee::http
