#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "formats/tokenizer.h"
#include "serving/generation.h"
#include "text/sampler.h"
#include "text/stop_matcher.h"

namespace marquee::serving {

/// Turns the tokens of one choice into what its reader may see: whole characters, nothing that belongs to a stop
/// string, and each token's record together with (never before) its text.
class ChoiceOutput {
 public:
  struct Piece {
    std::string text;
    std::vector<TokenRecord> tokens;
    bool stopped = false;  ///< a stop string was found: nothing more will come
    [[nodiscard]] bool empty() const { return text.empty() && tokens.empty(); }
  };

  /// @param keep_records log probabilities were asked for
  /// @param after_text the prompt ends in text, which the tokens continue
  ChoiceOutput(const formats::Tokenizer& tokenizer, text::StopMatcher matcher, bool keep_records,
               bool after_text = false)
      : tokenizer_(&tokenizer),
        detokenizer_(tokenizer, true, after_text),
        matcher_(std::move(matcher)),
        keep_records_(keep_records) {}

  Piece push(text::SampledToken token);
  /// The generation ends here: what was held back after all.
  Piece finish();

 private:
  struct HeldRecord {
    TokenRecord record;
    std::size_t text_begin = 0;  ///< where the token's text begins and ends in all text so far
    std::size_t text_end = 0;
  };
  void release_records(Piece& piece, bool all);

  const formats::Tokenizer* tokenizer_;
  formats::StreamingDetokenizer detokenizer_;
  text::StopMatcher matcher_;
  bool keep_records_;
  std::size_t produced_bytes_ = 0;  ///< by the detokeniser
  std::size_t shown_bytes_ = 0;     ///< by the matcher
  std::deque<HeldRecord> held_;
};

}  // namespace marquee::serving
