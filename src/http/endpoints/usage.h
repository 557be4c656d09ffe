#pragma once

#include "base/result.h"
#include "http/call.h"

namespace marquee::http {

/// GET /v1/usage: sums by day, key and model of what the caller may see.
base::Result<Response> get_usage(Call& call);

}  // namespace marquee::http
