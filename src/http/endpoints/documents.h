#pragma once

#include "base/result.h"
#include "http/call.h"

namespace marquee::http {

/// GET /openapi.json
base::Result<Response> get_openapi(Call& call);
/// GET /docs: one page with all it needs in it; its policy lets nothing else in.
base::Result<Response> get_docs(Call& call);

}  // namespace marquee::http
