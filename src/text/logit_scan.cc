#include "text/logit_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "kernels/cpu.h"

namespace marquee::text {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargestFinite = std::numeric_limits<float>::max();
constexpr std::size_t kLanes = 16;  // independent sums and maxima, on every processor, so that results are the same

// The compiler's portable SIMD vectors of 4 floats (any x86-64) and 8 (AVX2).
using Floats4 = float __attribute__((vector_size(16)));
using Floats8 = float __attribute__((vector_size(32)));
template <typename Floats>
struct IntegersOf;
template <>
struct IntegersOf<Floats4> {
  using Type = std::int32_t __attribute__((vector_size(16)));
};
template <>
struct IntegersOf<Floats8> {
  using Type = std::int32_t __attribute__((vector_size(32)));
};

template <typename Floats>
[[gnu::always_inline]] inline Floats load(const float* source) {
  Floats out;
  std::memcpy(&out, source, sizeof out);
  return out;
}

/// e^x as 2^t, splitting t into its nearest integer and the rest in [-0.5, 0.5], where a Taylor polynomial of
/// e^(rest·ln 2) is good to 2e-7.
template <typename Floats>
[[gnu::always_inline]] inline Floats exp_lanes(Floats x) {
  using Integers = typename IntegersOf<Floats>::Type;
  constexpr float kLog2E = 1.44269504F;
  constexpr float kSmallest = -126.0F;  // exponents below this have no normal float
  const Floats t = x * kLog2E;
  const Integers in_range = t >= kSmallest;  // all bits set, or none
  const Floats bounded = std::bit_cast<Floats>(in_range & std::bit_cast<Integers>(t));
  const Integers whole = __builtin_convertvector(bounded - 0.5F, Integers);  // towards zero: negatives to nearest
  const Floats r = (bounded - __builtin_convertvector(whole, Floats)) * 0.693147181F;
  Floats series = 0.00833333333F + r * 0.00138888889F;
  series = 0.166666667F + r * (0.0416666667F + r * series);
  series = 1.0F + r * (1.0F + r * (0.5F + r * series));
  const Floats power = std::bit_cast<Floats>((whole + 127) << 23);
  return std::bit_cast<Floats>(in_range & std::bit_cast<Integers>(series * power));
}

using Block = std::array<float, kLogitBlock>;

/// Writes the exponentials of `n` logits and returns their sum.
template <typename Floats>
[[gnu::always_inline]] inline double exponentials_in(const float* logits, std::size_t n, float largest, float scale,
                                                     float* out) {
  constexpr std::size_t kWidth = sizeof(Floats) / sizeof(float);
  constexpr std::size_t kParts = kLanes / kWidth;
  Floats sums[kParts] = {};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t part = 0; part < kParts; ++part) {
      const std::size_t at = i + part * kWidth;
      const Floats e = exp_lanes<Floats>((load<Floats>(logits + at) - largest) * scale);
      std::memcpy(out + at, &e, sizeof e);
      sums[part] += e;
    }
  }
  double sum = 0.0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) sum += sums[lane / kWidth][lane % kWidth];
  for (; i < n; ++i) sum += out[i] = exp_lanes<Floats4>(Floats4{} + (logits[i] - largest) * scale)[0];
  return sum;
}

double exponentials_baseline(const float* logits, std::size_t n, float largest, float scale, float* out) {
  return exponentials_in<Floats4>(logits, n, largest, scale, out);
}

[[gnu::target("avx2")]] double exponentials_avx2(const float* logits, std::size_t n, float largest, float scale,
                                                 float* out) {
  return exponentials_in<Floats8>(logits, n, largest, scale, out);
}

double exponentials(std::span<const float> logits, float largest, float scale, Block& out) {
  static const bool wide = [] {
    const auto choice = kernels::chosen_isa();
    return choice && choice->isa != kernels::Isa::kScalar;
  }();
  const auto compute = wide ? exponentials_avx2 : exponentials_baseline;
  return compute(logits.data(), logits.size(), largest, scale, out.data());
}

float clean(float x) {
  const float bounded = x > kLargestFinite ? kLargestFinite : x;
  return bounded == bounded ? bounded : -kInfinity;
}

float clean_block(std::span<float> block) {
  std::array<float, kLanes> lanes;
  lanes.fill(-kInfinity);
  std::size_t i = 0;
  for (; i + kLanes <= block.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float x = clean(block[i + lane]);
      block[i + lane] = x;
      lanes[lane] = x > lanes[lane] ? x : lanes[lane];
    }
  }
  float largest = *std::max_element(lanes.begin(), lanes.end());
  for (; i < block.size(); ++i) {
    block[i] = clean(block[i]);
    largest = std::max(largest, block[i]);
  }
  return largest;
}

}  // namespace

float exp_nonpositive(float x) { return exp_lanes<Floats4>(Floats4{} + x)[0]; }

float clean_and_find_max(std::span<float> logits, std::vector<float>& block_max) {
  block_max.clear();
  float largest = -kInfinity;
  for (std::size_t start = 0; start < logits.size(); start += kLogitBlock) {
    const float block = clean_block(logits.subspan(start, std::min(kLogitBlock, logits.size() - start)));
    block_max.push_back(block);
    largest = std::max(largest, block);
  }
  return largest;
}

formats::TokenId first_equal(std::span<const float> logits, std::span<const float> block_max, float largest) {
  const auto block = std::find(block_max.begin(), block_max.end(), largest);
  const auto start = static_cast<std::size_t>(block - block_max.begin()) * kLogitBlock;
  const auto found = std::find(logits.begin() + static_cast<std::ptrdiff_t>(start), logits.end(), largest);
  return static_cast<formats::TokenId>(found - logits.begin());
}

double sum_of_exponentials(std::span<const float> logits, float largest, float scale) {
  Block block;
  double sum = 0.0;
  for (std::size_t start = 0; start < logits.size(); start += kLogitBlock) {
    sum += exponentials(logits.subspan(start, std::min(kLogitBlock, logits.size() - start)), largest, scale, block);
  }
  return sum;
}

MassHistogram::Crossing MassHistogram::crossing(double wanted) const {
  Crossing at;
  while (at.bin + 1 < kBins && at.below + mass[at.bin] < wanted) at.below += mass[at.bin++];
  return at;
}

MassHistogram histogram_of(std::span<const float> logits, float largest) {
  MassHistogram histogram;
  Block block;
  for (std::size_t start = 0; start < logits.size(); start += kLogitBlock) {
    const auto part = logits.subspan(start, std::min(kLogitBlock, logits.size() - start));
    histogram.total += exponentials(part, largest, 1.0F, block);
    for (std::size_t i = 0; i < part.size(); ++i) {
      histogram.mass[MassHistogram::bin_of(largest - part[i])] += block[i];
    }
  }
  return histogram;
}

formats::TokenId draw_from_all(std::span<const float> logits, float largest, float scale, double uniform) {
  // The blocks' running totals are kept, so that only the one block where the draw falls is computed again.
  std::vector<double> totals;
  totals.reserve(logits.size() / kLogitBlock + 1);
  Block block;
  double sum = 0.0;
  for (std::size_t start = 0; start < logits.size(); start += kLogitBlock) {
    sum += exponentials(logits.subspan(start, std::min(kLogitBlock, logits.size() - start)), largest, scale, block);
    totals.push_back(sum);
  }
  const double target = uniform * sum;
  const auto hit = std::upper_bound(totals.begin(), totals.end() - 1, target);
  const std::size_t start = static_cast<std::size_t>(hit - totals.begin()) * kLogitBlock;
  const auto part = logits.subspan(start, std::min(kLogitBlock, logits.size() - start));
  exponentials(part, largest, scale, block);
  double running = hit == totals.begin() ? 0.0 : *(hit - 1);
  std::size_t last_possible = 0;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (block[i] == 0.0F) continue;
    last_possible = i;
    running += block[i];
    if (running > target) break;
  }
  return static_cast<formats::TokenId>(start + last_possible);
}

}  // namespace marquee::text
