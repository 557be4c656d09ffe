#include "text/bags/term_hash.h"

#include <bit>
#include <random>

namespace marquee::text::bags {

std::uint32_t murmur3(std::string_view text, std::uint32_t seed) {
  constexpr std::uint32_t kFirst = 0xCC9E2D51U;
  constexpr std::uint32_t kSecond = 0x1B873593U;
  const auto scramble = [](std::uint32_t word) { return std::rotl(word * kFirst, 15) * kSecond; };
  std::uint32_t hash = seed;
  std::size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof(word));
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
    hash = std::rotl(hash ^ scramble(word), 13) * 5 + 0xE6546B64U;
  }
  std::uint32_t rest = 0;
  for (std::size_t i = text.size(); i > at; --i) rest = rest << 8U | static_cast<unsigned char>(text[i - 1]);
  hash ^= scramble(rest);  // 0 stays 0
  hash ^= static_cast<std::uint32_t>(text.size());
  hash = (hash ^ hash >> 16U) * 0x85EBCA6BU;
  hash = (hash ^ hash >> 13U) * 0xC2B2AE35U;
  return hash ^ hash >> 16U;
}

std::uint64_t term_hash_seed() {
  static const std::uint64_t seed = [] {
    std::random_device source;
    return static_cast<std::uint64_t>(source()) << 32U | source();
  }();
  return seed;
}

}  // namespace marquee::text::bags
