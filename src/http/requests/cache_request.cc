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

constexpr Field<CacheRequest> kCacheFields[] = {
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
       if (request.name.empty()) return base::invalid_argument("'name' must not be empty", "name");
       return {};
     }},
    {tenant_rule("Whose cache; absent: that of the caller's tenant."),
     [](const json::value& value, CacheRequest& request) { return read_tenant(value, request.tenant); }},
};

}  // namespace

std::span<const Field<CacheRequest>> cache_fields() { return kCacheFields; }

base::Result<CacheRequest> parse_cache_request(std::string_view body) {
  MARQUEE_ASSIGN(const json::object object, parse_body(body));
  CacheRequest request;
  MARQUEE_CHECK(read_fields(cache_fields(), object, request));
  if (request.name.empty() && request.action != CacheAction::kClear) return missing_field("name");
  return request;
}

}  // namespace marquee::http
