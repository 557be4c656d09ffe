#include "text/logit_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace marquee::text {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargestFinite = std::numeric_limits<float>::max();
constexpr std::size_t kLanes = 16;  // independent sums or maxima, so that the loops below become SIMD

/// 2^t by splitting t into its nearest integer and the rest in [-0.5, 0.5], where a Taylor polynomial of e^(rest·ln 2)
/// is good to 2e-7. No branches: loops over it vectorise.
inline float exp_step(float x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kSmallest = -126.0F;  // exponents below this have no normal float
  const float t = x * kLog2E;
  const float bounded = t < kSmallest ? kSmallest : t;
  const auto whole = static_cast<std::int32_t>(bounded - 0.5F);  // truncation towards zero rounds negatives to nearest
  const float r = (bounded - static_cast<float>(whole)) * 0.693147181F;
  const float series =
      1.0F +
      r * (1.0F + r * (0.5F + r * (0.166666667F + r * (0.0416666667F + r * (0.00833333333F + r * 0.00138888889F)))));
  const float power = std::bit_cast<float>((whole + 127) << 23);
  return t < kSmallest ? 0.0F : series * power;
}

using Block = std::array<float, kLogitBlock>;

/// Writes the exponentials of one block and returns their sum.
double exponentials(std::span<const float> logits, float largest, float scale, Block& out) {
  const std::size_t n = logits.size();
  for (std::size_t i = 0; i < n; ++i) out[i] = exp_step((logits[i] - largest) * scale);
  std::array<float, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += out[i + lane];
  }
  double sum = 0.0;
  for (const float lane : lanes) sum += lane;
  for (; i < n; ++i) sum += out[i];
  return sum;
}

float clean_block(std::span<float> block) {
  std::array<float, kLanes> lanes;
  lanes.fill(-kInfinity);
  const auto clean = [](float x) {
    const float bounded = x > kLargestFinite ? kLargestFinite : x;
    return bounded == bounded ? bounded : -kInfinity;
  };
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

float exp_nonpositive(float x) {
  return exp_step(x);
}

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
