#include "text/words/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace marquee::text::words {

namespace {
constexpr double kTwoTo32 = 4294967296.0;
}

AliasTable::AliasTable(std::span<const double> weights) : entries_(weights.size()) {
  const double mean = std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
  std::vector<double> left(weights.size());
  std::vector<std::int32_t> below;
  std::vector<std::int32_t> above;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    left[i] = weights[i] / mean;
    (left[i] < 1.0 ? below : above).push_back(static_cast<std::int32_t>(i));
    entries_[i].alias = static_cast<std::int32_t>(i);
  }
  while (!below.empty() && !above.empty()) {
    const auto small = static_cast<std::size_t>(below.back());
    const auto large = static_cast<std::size_t>(above.back());
    below.pop_back();
    const double threshold = std::max(0.0, left[small] * kTwoTo32 - 1.0);
    entries_[small] = {static_cast<std::uint32_t>(threshold), static_cast<std::int32_t>(large)};
    left[large] -= 1.0 - left[small];
    if (left[large] < 1.0) {
      above.pop_back();
      below.push_back(static_cast<std::int32_t>(large));
    }
  }
  // What is left on either side is 1 but for rounding, and keeps itself.
}

AliasTable negative_table(std::span<const std::uint64_t> counts, double power) {
  std::vector<double> weights(counts.size());
  std::transform(counts.begin(), counts.end(), weights.begin(),
                 [&](std::uint64_t count) { return std::pow(static_cast<double>(count), power); });
  return AliasTable(weights);
}

std::vector<std::uint32_t> keep_thresholds(std::span<const std::uint64_t> counts, double threshold) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<std::uint32_t> keep(counts.size(), 0xFFFFFFFFU);
  if (threshold <= 0.0) return keep;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double relative = static_cast<double>(counts[i]) / (threshold * total);
    const double probability = (std::sqrt(relative) + 1.0) / relative;
    if (probability < 1.0) keep[i] = static_cast<std::uint32_t>(probability * (kTwoTo32 - 1.0));
  }
  return keep;
}

}  // namespace marquee::text::words
