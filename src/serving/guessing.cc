#include "serving/guessing.h"

#include <algorithm>

namespace marquee::serving {
namespace {

using formats::TokenId;

// Tokens that must agree for what followed them to be a guess.
constexpr std::size_t kMatchTokens = 3;
constexpr float kMostCredit = 2.0F;
constexpr std::int32_t kLongestPause = 512;

}  // namespace

std::vector<TokenId> look_up(std::span<const TokenId> tokens, std::size_t most) {
  if (tokens.size() <= kMatchTokens || most == 0) return {};
  const TokenId* const last = tokens.data() + tokens.size() - kMatchTokens;
  for (std::size_t end = tokens.size() - 1; end >= kMatchTokens; --end) {
    if (!std::equal(last, last + kMatchTokens, tokens.data() + end - kMatchTokens)) continue;
    std::vector<TokenId> guesses;
    for (std::size_t i = end; guesses.size() < most; ++i) {  // behind the last token come the guesses themselves
      guesses.push_back(i < tokens.size() ? tokens[i] : guesses[i - tokens.size()]);
    }
    return guesses;
  }
  return {};
}

std::int32_t GuessPace::next() {
  if (pause_ == 0) return length_;
  --pause_;
  return 0;
}

void GuessPace::note(std::int32_t guesses, std::int32_t right, float cost) {
  length_ = right == guesses ? std::min(2 * guesses, kMostGuesses) : std::max(1, right + 1);
  credit_ = std::min(credit_ + static_cast<float>(right) - cost, kMostCredit);
  if (credit_ >= 0.0F) {
    if (right == guesses) next_pause_ = kShortestPause;
    return;
  }
  pause_ = next_pause_;
  next_pause_ = std::min(2 * next_pause_, kLongestPause);
  credit_ = 0.0F;  // one more failure is the end of the next try
}

}  // namespace marquee::serving
