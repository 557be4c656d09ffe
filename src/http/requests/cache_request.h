#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/requests/fields.h"

namespace marquee::http {

enum class CacheAction : std::uint8_t { kSave, kRestore, kClear, kDelete };

/// Body of POST /v1/models/{id}/cache.
struct CacheRequest {
  CacheAction action = CacheAction::kSave;
  std::string action_name;
  std::string name;  ///< of the file; empty only with kClear. What else it may be is serving's to check
  std::optional<std::string> tenant;  ///< absent: the caller's
};

base::Result<CacheRequest> parse_cache_request(std::string_view body);
std::span<const Field<CacheRequest>> cache_fields();

}  // namespace marquee::http
