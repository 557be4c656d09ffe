#pragma once
// Linear passes over a vocabulary's logits, written so that the compiler turns them into SIMD. The order of every sum
// is fixed, so results do not depend on the instruction set.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::text {

/// Logits are looked at in blocks of this many; a block whose maximum is too small is skipped whole.
constexpr std::size_t kLogitBlock = 512;

/// e^x for x <= 0, relative error below 1e-5 and exactly 0 below about -87 (also for -infinity).
float exp_nonpositive(float x);

/// Replaces NaN by minus infinity and plus infinity by the largest finite float, and finds the maximum of each block.
/// @shape block_max: resized to [ceil(logits.size() / kLogitBlock)]
/// @return the largest logit, minus infinity if none is finite
float clean_and_find_max(std::span<float> logits, std::vector<float>& block_max);

/// The lowest id whose logit is `largest`.
formats::TokenId first_equal(std::span<const float> logits, std::span<const float> block_max, float largest);

/// Sum of e^(scale * (logit - largest)) over all logits.
/// @pre largest is the finite maximum, scale > 0
double sum_of_exponentials(std::span<const float> logits, float largest, float scale);

/// Sums of e^(logit - largest) by the logit's distance below the largest: what finds the border of a truncation without
/// sorting.
struct MassHistogram {
  static constexpr std::size_t kBins = 1024;
  static constexpr float kBinsPerUnit = 32.0F;  ///< the last bin takes every distance from 32 on
  std::array<double, kBins> mass{};
  double total = 0.0;

  /// The bin of a distance that is not negative.
  static std::size_t bin_of(float distance) {
    constexpr float kLast = kBins - 1;
    const float scaled = distance * kBinsPerUnit;
    return static_cast<std::size_t>(scaled < kLast ? scaled : kLast);
  }
  /// The bin in which the sum from the first bin on reaches `wanted`; `below` is the sum of the bins before it.
  struct Crossing {
    std::size_t bin = 0;
    double below = 0.0;
  };
  [[nodiscard]] Crossing crossing(double wanted) const;
};

/// @pre largest is the finite maximum
MassHistogram histogram_of(std::span<const float> logits, float largest);

/// Draws an id with probability proportional to e^(scale * (logit - largest)).
/// @pre largest is the finite maximum, 0 <= uniform < 1
formats::TokenId draw_from_all(std::span<const float> logits, float largest, float scale, double uniform);

}  // namespace marquee::text
