#pragma once
// Keys and usage as JSON, in the one form that the API, the command line and its --json speak.

#include "base/json.h"
#include "base/result.h"
#include "platform/keys.h"
#include "platform/usage.h"

namespace marquee::platform {

/// {"id", "object": "key", "tenant", "scopes", "name", "created", "revoked": null or a time}; times are Unix seconds.
base::json::object to_json(const KeyInfo& key);
/// As above with "secret": the only time it is shown.
base::json::object to_json(const CreatedKey& created);
/// {"object": "list", "data": [keys]}
base::json::object to_json(const std::vector<KeyInfo>& keys);
/// {"object": "usage", "data": [{"day", "tenant", "key_id", "model", "requests", "tokens_in", "tokens_out",
///  "compute_us"}], "total": {"requests", …}, "truncated": false}
base::json::object to_json(const UsageReport& report);

// And back, for the command line, which asks a running server. @error kCorrupt if the form is another one
base::Result<KeyInfo> key_from_json(const base::json::value& value);
base::Result<CreatedKey> created_key_from_json(const base::json::value& value);
base::Result<std::vector<KeyInfo>> keys_from_json(const base::json::value& value);
base::Result<UsageReport> usage_from_json(const base::json::value& value);

}  // namespace marquee::platform
