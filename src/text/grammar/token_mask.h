#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/tokenizer.h"

namespace marquee::text::grammar {

/// One bit for each token id, set if the token is allowed.
using TokenMask = std::span<const std::uint64_t>;

inline bool is_allowed(TokenMask mask, formats::TokenId id) {
  const auto index = static_cast<std::size_t>(id);
  return index / 64 < mask.size() && (mask[index / 64] >> (index % 64) & 1U) != 0;
}

}  // namespace marquee::text::grammar
