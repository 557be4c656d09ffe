#include "http/endpoints/health.h"

#include <prometheus/text_serializer.h>

#include "http/error_response.h"
#include "http/services.h"
#include "serving/metrics.h"

namespace marquee::http {

base::Result<Response> get_healthz(Call&) { return Response{.body = R"({"status":"ok"})"}; }

base::Result<Response> get_readyz(Call& call) {
  if (call.services.draining) return base::Error{base::ErrorCode::kUnavailable, "the server is shutting down"};
  if (!call.services.ready) return base::Error{base::ErrorCode::kUnavailable, "models are still being loaded"};
  return Response{.body = R"({"status":"ready"})"};
}

base::Result<Response> get_metrics(Call& call) {
  std::string text = prometheus::TextSerializer().Serialize(call.services.engine.metrics().registry().Collect());
  text += call.services.metrics.exposition();
  return Response{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(text)};
}

}  // namespace marquee::http
