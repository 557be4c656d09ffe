#pragma once

#include "base/result.h"
#include "http/call.h"

namespace marquee::http {

/// GET /v1/models
base::Result<Response> list_models(Call& call);
/// GET /v1/models/{id}
base::Result<Response> get_model(Call& call);
/// POST /v1/models/{id}/load: returns when it is loaded.
base::Result<Response> load_model(Call& call);
/// POST /v1/models/{id}/unload: 409 while requests use it.
base::Result<Response> unload_model(Call& call);

}  // namespace marquee::http
