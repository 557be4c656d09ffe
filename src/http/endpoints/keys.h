#pragma once

#include "base/result.h"
#include "http/call.h"

namespace marquee::http {

/// GET /v1/keys: of the caller's tenant, or of all for an operator; ?tenant= for one.
base::Result<Response> list_keys(Call& call);
/// POST /v1/keys: the only answer that ever holds the secret.
base::Result<Response> create_key(Call& call);
/// DELETE /v1/keys/{id}: it opens nothing from now on.
base::Result<Response> revoke_key(Call& call);

}  // namespace marquee::http
