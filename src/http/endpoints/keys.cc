#include "http/endpoints/keys.h"

#include <optional>
#include <utility>

#include "base/json.h"
#include "http/requests/admin_requests.h"
#include "http/services.h"
#include "platform/records_json.h"

namespace marquee::http {

base::Result<Response> list_keys(Call& call) {
  std::optional<std::string> tenant;
  for (const auto& [name, value] : call.request.query_params) {
    if (name == "tenant") tenant = value;
  }
  MARQUEE_ASSIGN(const auto keys, call.services.keys.list(call.request.principal, tenant));
  return Response{.body = base::json::serialize(platform::to_json(keys))};
}

base::Result<Response> create_key(Call& call) {
  MARQUEE_ASSIGN(KeyRequest request, parse_key_request(call.request.body));
  const platform::NewKey key{.tenant = request.tenant.value_or(call.request.principal.tenant),
                             .scopes = std::move(request.scopes),
                             .name = std::move(request.name)};
  MARQUEE_ASSIGN(const auto created, call.services.keys.create(call.request.principal, key));
  return Response{.status = 201, .body = base::json::serialize(platform::to_json(created))};
}

base::Result<Response> revoke_key(Call& call) {
  MARQUEE_ASSIGN(const auto revoked, call.services.keys.revoke(call.request.principal, call.request.path_param("id")));
  return Response{.body = base::json::serialize(platform::to_json(revoked))};
}

}  // namespace marquee::http
