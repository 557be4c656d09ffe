#include "http/endpoints/usage.h"

#include <charconv>
#include <string>

#include "base/json.h"
#include "http/services.h"
#include "platform/records_json.h"
#include "platform/usage.h"

namespace marquee::http {

namespace {

base::Result<platform::UsageFilter> parse_filter(const std::vector<NameValue>& query) {
  platform::UsageFilter filter;
  for (const auto& [name, value] : query) {
    if (name == "tenant") filter.tenant = value;
    if (name == "key") filter.key_id = value;
    if (name == "model") filter.model = value;
    if (name == "from") filter.from_day = value;
    if (name == "to") filter.to_day = value;
    if (name == "limit") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), filter.limit);
      if (error != std::errc() || end != value.data() + value.size()) {
        return base::invalid_argument("'limit' must be an integer from 1 to 100000", "limit");
      }
    }
  }
  return filter;
}

}  // namespace

base::Result<Response> get_usage(Call& call) {
  MARQUEE_ASSIGN(const auto filter, parse_filter(call.request.query_params));
  MARQUEE_ASSIGN(const auto report, call.services.usage.report(call.request.principal, filter));
  return Response{.body = base::json::serialize(platform::to_json(report))};
}

}  // namespace marquee::http
