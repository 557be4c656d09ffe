#include "http/endpoints/model_cache.h"

#include <chrono>
#include <string>

#include "base/json.h"
#include "http/requests/cache_request.h"
#include "http/services.h"
#include "platform/keys.h"
#include "serving/saved_caches.h"

namespace marquee::http {

namespace json = base::json;

namespace {

base::Result<serving::CacheReport> act(serving::Engine& engine, std::string_view model, const std::string& tenant,
                                       const CacheRequest& request) {
  switch (request.action) {
    case CacheAction::kSave: return engine.save_cache(model, tenant, request.name);
    case CacheAction::kRestore: return engine.restore_cache(model, tenant, request.name);
    case CacheAction::kClear: return engine.clear_cache(model, tenant);
    case CacheAction::kDelete: return engine.delete_cache(model, tenant, request.name);
  }
  return base::Error{base::ErrorCode::kInternal, "an action that is none"};
}

/// The counts under the names that llama-server's slots give them.
void add_counts(json::object& answer, CacheAction action, const serving::CacheReport& report, double milliseconds) {
  switch (action) {
    case CacheAction::kSave:
      answer["n_saved"] = report.tokens;
      answer["n_written"] = report.bytes;
      answer["timings"] = {{"save_ms", milliseconds}};
      break;
    case CacheAction::kRestore:
      answer["n_restored"] = report.tokens;
      answer["n_read"] = report.bytes;
      answer["timings"] = {{"restore_ms", milliseconds}};
      break;
    case CacheAction::kClear: answer["n_erased"] = report.tokens; break;
    case CacheAction::kDelete: answer["n_deleted"] = report.bytes; break;
  }
}

}  // namespace

base::Result<Response> change_model_cache(Call& call) {
  const std::string model(call.request.path_param("id"));
  MARQUEE_ASSIGN(const CacheRequest request, parse_cache_request(call.request.body));
  if (!request.name.empty()) MARQUEE_CHECK(serving::check_cache_name(request.name));  // also where it is not used
  const std::string tenant = request.tenant.value_or(call.request.principal.tenant);
  MARQUEE_CHECK(platform::validate_tenant(tenant));
  const auto begin = std::chrono::steady_clock::now();
  MARQUEE_ASSIGN(const auto report, act(call.services.engine, model, tenant, request));
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begin;
  json::object answer{{"object", "model.cache"}, {"model", model}, {"tenant", tenant}, {"action", request.action_name}};
  if (request.action != CacheAction::kClear) answer["name"] = request.name;
  add_counts(answer, request.action, report, taken.count());
  return Response{.body = json::serialize(answer)};
}

}  // namespace marquee::http
