#include "text/rope_frequencies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>

namespace marquee::text {

using base::Result;

namespace {

std::vector<double> unscaled(double theta, std::int32_t dimensions) {
  std::vector<double> inverse(static_cast<std::size_t>(dimensions / 2));
  for (std::size_t pair = 0; pair < inverse.size(); ++pair) {
    inverse[pair] = std::pow(theta, -2.0 * static_cast<double>(pair) / dimensions);
  }
  return inverse;
}

/// Base that spreads the lowest frequency over `context` positions as interpolation by `factor` would.
double ntk_theta(const RopeConfig& config, std::int32_t context, std::int32_t model_context) {
  if (context <= model_context || config.dimensions <= 2) return config.theta;
  const double factor = config.scaling.factor;
  const double stretch = factor * context / model_context - (factor - 1.0);
  return config.theta * std::pow(stretch, config.dimensions / (config.dimensions - 2.0));
}

/// Long waves are interpolated, short ones kept, those between blended.
void scale_llama3(const RopeScaling& scaling, std::vector<double>& inverse) {
  const double longest_kept = scaling.original_context / scaling.high_frequency_factor;
  const double shortest_scaled = scaling.original_context / scaling.low_frequency_factor;
  for (double& frequency : inverse) {
    const double wave = 2.0 * std::numbers::pi / frequency;
    if (wave < longest_kept) continue;
    if (wave > shortest_scaled) {
      frequency /= scaling.factor;
      continue;
    }
    const double keep = (scaling.original_context / wave - scaling.low_frequency_factor) /
                        (scaling.high_frequency_factor - scaling.low_frequency_factor);
    frequency = (1.0 - keep) * frequency / scaling.factor + keep * frequency;
  }
}

/// The pair of dimensions that turns `rotations` times over the original context.
double yarn_pair_of(double rotations, const RopeConfig& config) {
  return config.dimensions * std::log(config.scaling.original_context / (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(config.theta));
}

double yarn_magnitude(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double scale_yarn(const RopeConfig& config, std::vector<double>& inverse) {
  const RopeScaling& scaling = config.scaling;
  double low = yarn_pair_of(scaling.beta_fast, config);
  double high = yarn_pair_of(scaling.beta_slow, config);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, config.dimensions - 1.0);
  if (low == high) high += 0.001;
  for (std::size_t pair = 0; pair < inverse.size(); ++pair) {
    const double interpolated = std::clamp((static_cast<double>(pair) - low) / (high - low), 0.0, 1.0);
    inverse[pair] = inverse[pair] / scaling.factor * interpolated + inverse[pair] * (1.0 - interpolated);
  }
  if (scaling.attention_factor) return *scaling.attention_factor;
  if (scaling.mscale != 0.0 && scaling.mscale_all_dimensions != 0.0) {
    return yarn_magnitude(scaling.factor, scaling.mscale) /
           yarn_magnitude(scaling.factor, scaling.mscale_all_dimensions);
  }
  return yarn_magnitude(scaling.factor, 1.0);
}

Result<void> divide(std::span<const float> divisors, std::vector<double>& inverse) {
  if (divisors.size() != inverse.size()) {
    return base::corrupt(fmt::format("rope factors: {} for {} pairs of dimensions", divisors.size(), inverse.size()));
  }
  for (std::size_t pair = 0; pair < inverse.size(); ++pair) {
    if (!(divisors[pair] > 0.0F) || !std::isfinite(divisors[pair])) {
      return base::corrupt(fmt::format("rope factors: element {} is not a positive number", pair));
    }
    inverse[pair] /= static_cast<double>(divisors[pair]);
  }
  return {};
}

double long_rope_magnitude(const RopeScaling& scaling) {
  if (scaling.attention_factor) return *scaling.attention_factor;
  if (scaling.factor <= 1.0) return 1.0;
  return std::sqrt(1.0 + std::log(scaling.factor) / std::log(static_cast<double>(scaling.original_context)));
}

}  // namespace

Result<RopeFrequencies> rope_frequencies(const RopeConfig& config, std::int32_t context, std::int32_t model_context) {
  const RopeScaling& scaling = config.scaling;
  const bool dynamic = scaling.type == RopeScaling::Type::kDynamicNtk;
  auto inverse = unscaled(dynamic ? ntk_theta(config, context, model_context) : config.theta, config.dimensions);
  double magnitude = 1.0;
  switch (scaling.type) {
    case RopeScaling::Type::kNone:
    case RopeScaling::Type::kDynamicNtk: break;
    case RopeScaling::Type::kLinear:
      for (double& frequency : inverse) frequency /= scaling.factor;
      break;
    case RopeScaling::Type::kLlama3: scale_llama3(scaling, inverse); break;
    case RopeScaling::Type::kYarn: magnitude = scale_yarn(config, inverse); break;
    case RopeScaling::Type::kLongRope:
      MARQUEE_CHECK(
          divide(context > scaling.original_context ? scaling.long_divisors : scaling.short_divisors, inverse));
      magnitude = long_rope_magnitude(scaling);
      break;
  }
  if (!config.divisors.empty()) MARQUEE_CHECK(divide(config.divisors, inverse));
  return RopeFrequencies{{inverse.begin(), inverse.end()}, static_cast<float>(magnitude)};
}

}  // namespace marquee::text
