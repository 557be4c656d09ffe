#pragma once
// Speculation: a step that computes guesses beside a sequence's next token gives several tokens when they are right,
// and the same text in any case: a guess counts only if it is the very token that is then drawn.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::serving {

constexpr std::int32_t kMostGuesses = 7;
/// What a guess adds to a step of one sequence, as a part of that step: the decode rates of docs/PERFORMANCE.md with 1
/// and 4 rows give 0.19.
constexpr float kGuessCost = 0.2F;

/// What followed the last tokens when they stood earlier, and so on from there: `most` tokens, none if they did not.
/// @source prompt lookup decoding: Saxena 2023, github.com/apoorvumang/prompt-lookup-decoding
std::vector<formats::TokenId> look_up(std::span<const formats::TokenId> tokens, std::size_t most);

/// How many tokens of a sequence one source of guesses may guess: more while they are right, none for a while when too
/// few are.
class GuessPace {
 public:
  /// To be asked once a step.
  std::int32_t next();
  /// Of `guesses` that were computed the first `right` were drawn.
  /// @param cost what finding and computing them took, as a part of a step
  void note(std::int32_t guesses, std::int32_t right, float cost);

 private:
  std::int32_t length_ = 3;
  float credit_ = 1.0F;     ///< steps won by guessing, less those that it cost
  std::int32_t pause_ = 0;  ///< steps until guessing is tried again
  std::int32_t next_pause_ = kShortestPause;

  static constexpr std::int32_t kShortestPause = 32;
};

}  // namespace marquee::serving
