#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/grammar/stacks.h"
#include "text/grammar/token_grammar.h"
#include "text/grammar/token_mask.h"
#include "text/grammar/token_walk.h"

namespace marquee::text::grammar {

/// How a matcher begins and ends.
struct MatcherOptions {
  bool after_text = false;  ///< the prompt ends in text that the tokens go on with (as StreamingDetokenizer's)
  bool end_tokens = true;   ///< allow the tokenizer's end tokens where the text may end
};

/// Holds one answer to its grammar. Not shared between threads; copies go on independently.
class Matcher {
 public:
  explicit Matcher(std::shared_ptr<const TokenGrammar> grammar, MatcherOptions options = {});

  /// The tokens that may come next, at least one. Valid until the next call of a function that is not const.
  /// @error kFailedPrecondition if the grammar can be read in too many ways here, if no token of the vocabulary goes on
  ///        with it, or if the text has ended
  base::Result<TokenMask> mask();
  /// Goes on with a token. @error kFailedPrecondition if the grammar does not allow it; the matcher stays as it was
  base::Result<void> accept(formats::TokenId id);

  /// The text may end here.
  [[nodiscard]] bool can_end() const { return position_.done; }
  /// Nothing can follow: the text is complete.
  [[nodiscard]] bool must_end() const { return ended_ || (position_.done && position_.heads.empty()); }

 private:
  struct KnownMask {
    Position position;
    bool first = false;
    std::vector<std::uint64_t> words;
  };
  [[nodiscard]] bool first() const { return !options_.after_text && accepted_ == 0; }
  bool fill(std::vector<std::uint64_t>& words);
  bool fill_from_tree(const TokenTree& tree, std::vector<std::uint64_t>& words);
  bool fill_from_states(std::vector<std::uint64_t>& words);
  bool fill_behind(const StateMask& mask, const Position& returned, std::vector<std::uint64_t>& words);
  void keep_frames();

  std::shared_ptr<const TokenGrammar> grammar_;
  MatcherOptions options_;
  Frames frames_;
  Position position_;
  Position next_;  ///< scratch
  bool ended_ = false;
  std::size_t accepted_ = 0;
  std::size_t frames_limit_;
  std::array<KnownMask, 4> known_;  ///< the inside of a string comes back to the same position again and again
  std::size_t next_known_ = 0;
  TokenWalk walk_;
};

}  // namespace marquee::text::grammar
