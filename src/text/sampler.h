#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "formats/tokenizer.h"

namespace marquee::text {

/// How the next token is chosen. Defaults are OpenAI's. The order is llama.cpp's and vLLM's: logit_bias → penalties →
/// temperature 0 means greedy, otherwise top_k → typical_p → top_p → min_p → temperature → draw.
struct SamplingParams {
  float temperature = 1.0F;          ///< [0, 2]; 0 is greedy
  std::int32_t top_k = 0;            ///< [0, vocab]; 0 is off
  float top_p = 1.0F;                ///< (0, 1]
  float min_p = 0.0F;                ///< [0, 1]
  float typical_p = 1.0F;            ///< (0, 1]
  float repetition_penalty = 1.0F;   ///< (0, 2], over prompt and output (arXiv:1909.05858)
  float presence_penalty = 0.0F;     ///< [-2, 2], over the output
  float frequency_penalty = 0.0F;    ///< [-2, 2], over the output
  std::vector<std::pair<formats::TokenId, float>> logit_bias = {};  ///< at most 1,024 entries, each in [-100, 100]
  std::uint64_t seed = 0;
  std::int32_t top_logprobs = -1;    ///< -1: no log probabilities; 0..20: of the chosen token and this many best ones
};

/// @error kInvalidArgument with `field` named
base::Result<void> validate(const SamplingParams& params, std::int32_t vocab_size);

struct TokenLogprob {
  formats::TokenId id = 0;
  float logprob = 0.0F;  ///< natural log, of the model's own distribution (before penalties, truncation, temperature)
};

struct SampledToken {
  formats::TokenId id = 0;
  std::optional<TokenLogprob> logprob;   ///< when asked for
  std::vector<TokenLogprob> top = {};    ///< the best, most likely first
};

/// One sequence's sampler: owns its random stream, which depends on the seed, the choice index and the position alone.
class Sampler {
 public:
  Sampler(const SamplingParams& params, std::uint32_t choice_index, std::span<const formats::TokenId> prompt);
  /// Chooses from `logits` (length vocab, changed in place) and remembers the choice for the penalties.
  /// `forbidden` are ids that must not be chosen (ignore_eos). @pre logits has a finite entry
  SampledToken sample(std::span<float> logits, std::span<const formats::TokenId> forbidden = {});

 private:
  SamplingParams params_;
  std::uint64_t stream_ = 0;
  std::uint64_t drawn_ = 0;
  std::vector<std::pair<formats::TokenId, std::int32_t>> output_counts_;
  std::vector<formats::TokenId> seen_;
  std::vector<std::pair<float, formats::TokenId>> candidates_;
};

}  // namespace marquee::text
