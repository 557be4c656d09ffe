#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"

namespace marquee::text {

/// How a model stretches rotary positions past the context it was first trained with.
struct RopeScaling {
  enum class Type : std::uint8_t { kNone, kLinear, kDynamicNtk, kLlama3, kYarn, kLongRope } type = Type::kNone;
  double factor = 1.0;
  std::int32_t original_context = 0;
  double low_frequency_factor = 1.0;       ///< llama3
  double high_frequency_factor = 4.0;      ///< llama3
  double beta_fast = 32.0;                 ///< yarn
  double beta_slow = 1.0;                  ///< yarn
  double mscale = 0.0;                     ///< yarn; 0 for none
  double mscale_all_dimensions = 0.0;      ///< yarn; 0 for none
  bool truncate = true;                    ///< yarn: round the ends of the ramp outwards
  std::optional<double> attention_factor;  ///< yarn, longrope: stated by the file instead of computed
  std::vector<float> short_divisors;       ///< longrope, one for each pair of dimensions
  std::vector<float> long_divisors;        ///< longrope
};

struct RopeConfig {
  double theta = 10000.0;
  std::int32_t dimensions = 0;  ///< of each head that turn; even
  RopeScaling scaling;
  std::vector<float> divisors;  ///< GGUF's rope_freqs.weight, one for each pair; empty for none
};

struct RopeFrequencies {
  std::vector<float> inverse;  ///< [dimensions / 2]
  float magnitude = 1.0F;      ///< factor on cosine and sine
};

/// Angles per position of each pair of dimensions.
///
/// Scalings that published code switches by the length reached so far (dynamic NTK, LongRoPE) are fixed here by the
/// length the model may reach: keys in the cache stay valid, and a prompt gives the same result however it is cut.
/// @param context positions that a sequence may reach; @param model_context the model's own maximum
/// @error kCorrupt if divisors are not one for each pair
/// @source arXiv:2104.09864; YaRN arXiv:2309.00071; LongRoPE arXiv:2402.13753
base::Result<RopeFrequencies> rope_frequencies(const RopeConfig& config, std::int32_t context,
                                               std::int32_t model_context);

}  // namespace marquee::text
