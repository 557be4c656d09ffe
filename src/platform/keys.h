#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace marquee::platform {

enum class Scope : std::uint8_t { kInfer = 1, kAdmin = 2 };

/// Who a request comes from, once its key is known.
struct Principal {
  std::string tenant;
  std::string key_id;
  std::uint8_t scopes = 0;  ///< bits of Scope
  [[nodiscard]] bool has(Scope scope) const { return (scopes & static_cast<std::uint8_t>(scope)) != 0; }
};

struct KeyInfo {
  std::string id;        ///< public, e.g. "key_3f9c…"; never the secret
  std::string tenant;
  std::vector<std::string> scopes;
  std::string name;
  std::int64_t created_unix_s = 0;
  std::int64_t revoked_unix_s = 0;   ///< 0 while valid
};

}  // namespace marquee::platform
