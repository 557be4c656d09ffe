#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "formats/tokenizer.h"
#include "text/grammar/token_mask.h"
#include "text/truncation.h"

namespace marquee::text {

/// How the next token is chosen. Defaults are OpenAI's. A grammar's mask comes first; then the order is llama.cpp's:
/// logit_bias → penalties →
/// temperature 0 means greedy, otherwise top_k → typical_p → top_p → min_p → temperature → draw. So the truncations see
/// the model's distribution (with bias and penalties) at temperature 1, and the temperature works on what they leave.
/// @source typical_p: arXiv:2202.00666; top_p: arXiv:1904.09751; min_p: arXiv:2407.01082
struct SamplingParams {
  float temperature = 1.0F;         ///< [0, 2]; 0 is greedy
  std::int32_t top_k = 0;           ///< [0, vocab]; 0 is off
  float top_p = 1.0F;               ///< (0, 1]
  float min_p = 0.0F;               ///< [0, 1]
  float typical_p = 1.0F;           ///< (0, 1]
  float repetition_penalty = 1.0F;  ///< (0, 2], over prompt and output (arXiv:1909.05858)
  float presence_penalty = 0.0F;    ///< [-2, 2], over the output
  float frequency_penalty = 0.0F;   ///< [-2, 2], over the output
  std::vector<std::pair<formats::TokenId, float>> logit_bias = {};  ///< at most 1,024 entries, each in [-100, 100]
  std::uint64_t seed = 0;
  std::int32_t top_logprobs = -1;  ///< -1: no log probabilities; 0..20: of the chosen token and this many best ones
};

constexpr std::size_t kMaxLogitBiasEntries = 1024;
constexpr std::int32_t kMaxTopLogprobs = 20;

/// Checks every number against its range above; NaN and infinities are refused.
/// @error kInvalidArgument with `field` named and the allowed range in the message
base::Result<void> validate(const SamplingParams& params, std::int32_t vocab_size);

struct TokenLogprob {
  formats::TokenId id = 0;
  float logprob = 0.0F;  ///< natural log, of the model's own distribution (before mask, bias, penalties, truncation and
                         ///< temperature); -9999 stands for minus infinity, as in OpenAI's answers
};

struct SampledToken {
  formats::TokenId id = 0;
  std::optional<TokenLogprob> logprob;  ///< when asked for
  std::vector<TokenLogprob> top = {};   ///< the best, most likely first
};

/// One sequence's sampler. Its random number for a position comes from the seed, the choice index and that position
/// alone, so the same request gives the same text whatever else is being served.
class Sampler {
 public:
  /// @pre validate(params, vocab) succeeded
  Sampler(const SamplingParams& params, std::uint32_t choice_index, std::span<const formats::TokenId> prompt);
  /// Chooses from `logits` (length vocab, changed in place) and remembers the choice for the penalties.
  /// `forbidden` are ids that must not be chosen (ignore_eos). Among equal logits the lowest id counts as the best. NaN
  /// counts as minus infinity; if nothing finite is left, the lowest id that is not forbidden is chosen.
  /// Unless it is empty, only tokens of `allowed` can be chosen.
  /// @pre logits is not empty; `allowed` is empty or allows an id below logits.size() that is not forbidden
  SampledToken sample(std::span<float> logits, std::span<const formats::TokenId> forbidden = {},
                      grammar::TokenMask allowed = {});

 private:
  void adjust(std::span<float> logits, std::span<const formats::TokenId> forbidden);
  void change(std::span<float> logits, formats::TokenId id, float value);
  formats::TokenId choose(std::span<const float> logits, float largest);
  formats::TokenId draw_from_candidates(float largest, double uniform);
  bool truncate(std::span<const float> logits, float largest);
  void remember(formats::TokenId id);

  SamplingParams params_;
  std::uint64_t stream_ = 0;
  std::uint64_t position_ = 0;
  std::vector<std::pair<formats::TokenId, std::int32_t>> output_counts_;  ///< sorted by id
  std::vector<formats::TokenId> seen_;                                    ///< sorted; prompt and output
  std::vector<std::pair<formats::TokenId, float>>
      changed_;                        ///< the model's own logits of the ids that adjust() changed
  std::vector<float> block_max_;       ///< scratch, see logit_scan.h
  std::vector<Candidate> candidates_;  ///< scratch
};

}  // namespace marquee::text
