#include "http/requests/cache_request.h"

#include <array>
#include <utility>

namespace marquee::http {

namespace json = base::json;

namespace {

using Done = base::Result<void>;

constexpr std::array<std::pair<std::string_view, CacheAction>, 4> kActions = {{{"save", CacheAction::kSave},
                                                                               {"restore", CacheAction::kRestore},
                                                                               {"clear", CacheAction::kClear},
                                                                               {"delete", CacheAction::kDelete}}};

constexpr std::string_view kNameSchema =
    R"({"type": ["string", "null"], "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$", "maxLength": 100})";
constexpr std::string_view kTenantSchema =
    R"({"type": ["string", "null"], "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$", "maxLength": 64})";

constexpr Field<CacheRequest> kFields[] = {
    {{.name = "action",
      .kind = FieldKind::kEnum,
      .required = true,
      .schema = "save,restore,clear,delete",
      .description = "save: write what the cache holds to a file. restore: put a saved file back. clear: forget what "
                     "the cache holds. delete: delete a saved file."},
     [](const json::value& value, CacheRequest& request) -> Done {
       request.action_name = string_of(value);
       for (const auto& [name, action] : kActions) {
         if (request.action_name == name) request.action = action;
       }
       return {};
     }},
    {{.name = "name", .schema = kNameSchema, .description = "The saved file's name; needed but for clear."},
     [](const json::value& value, CacheRequest& request) -> Done {
       if (!value.is_string()) return base::invalid_argument("'name' must be a string", "name");
       request.name = string_of(value);
       return {};
     }},
    {{.name = "tenant", .schema = kTenantSchema, .description = "Whose cache; absent: that of the caller's tenant."},
     [](const json::value& value, CacheRequest& request) -> Done {
       if (!value.is_string()) return base::invalid_argument("'tenant' must be a string", "tenant");
       request.tenant = std::string(string_of(value));
       return {};
     }},
};

}  // namespace

std::span<const Field<CacheRequest>> cache_fields() { return kFields; }

base::Result<CacheRequest> parse_cache_request(std::string_view body) {
  MARQUEE_ASSIGN(const json::object object, parse_body(body));
  CacheRequest request;
  MARQUEE_CHECK(read_fields(cache_fields(), object, request));
  if (request.name.empty() && request.action != CacheAction::kClear) return missing_field("name");
  return request;
}

}  // namespace marquee::http
