#pragma once

#include "base/result.h"
#include "http/call.h"

namespace marquee::http {

/// GET /healthz: the process answers.
base::Result<Response> get_healthz(Call& call);
/// GET /readyz: it takes requests; 503 while models load at start and while the server leaves.
base::Result<Response> get_readyz(Call& call);
/// GET /metrics: Prometheus text.
base::Result<Response> get_metrics(Call& call);

}  // namespace marquee::http
