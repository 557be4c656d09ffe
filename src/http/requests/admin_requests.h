#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/requests/fields.h"

namespace marquee::http {

/// Body of POST /v1/keys. What the names and scopes may be is platform's to check.
struct KeyRequest {
  std::optional<std::string> tenant;  ///< absent: the caller's
  std::vector<std::string> scopes = {"infer"};
  std::string name;
};

base::Result<KeyRequest> parse_key_request(std::string_view body);
std::span<const Field<KeyRequest>> key_fields();

}  // namespace marquee::http
