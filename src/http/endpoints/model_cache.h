#pragma once

#include "base/result.h"
#include "http/call.h"

namespace marquee::http {

/// POST /v1/models/{id}/cache: saves, restores or clears what the prefix cache holds of a tenant.
base::Result<Response> change_model_cache(Call& call);

}  // namespace marquee::http
