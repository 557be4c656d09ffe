#include <algorithm>
#include <random>

#include "apps/bench_target.h"

namespace marquee::apps {

// Below lie special tokens and single bytes (the byte-level and SentencePiece families), from which a model goes on
// with broken characters.
constexpr std::int32_t kFirstId = 300;
constexpr std::int32_t kEndId = 2000;

std::vector<formats::TokenId> bench_prompt(std::uint64_t seed, std::uint64_t variant, std::int32_t stream,
                                           std::int32_t tokens, std::int32_t vocab_size) {
  const std::int32_t end = vocab_size == 0 ? kEndId : std::min(vocab_size, kEndId);
  const auto first = static_cast<std::uint64_t>(std::min(kFirstId, end / 2));
  std::seed_seq mix{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U),
                    static_cast<std::uint32_t>(variant), static_cast<std::uint32_t>(stream)};
  std::mt19937_64 random(mix);
  std::vector<formats::TokenId> ids;
  for (std::int32_t i = 0; i < tokens; ++i) {
    // The standard's distributions differ between libraries; a remainder of 64 bits does not, and is even enough.
    ids.push_back(static_cast<formats::TokenId>(first + random() % (static_cast<std::uint64_t>(end) - first)));
  }
  return ids;
}

}  // namespace marquee::apps
