#pragma once

#include <cstddef>
#include <random>
#include <vector>

namespace marquee::tensor {

/// Normally distributed; the same seed gives the same values.
inline std::vector<float> random_floats(std::size_t count, unsigned seed, float spread = 1.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> values(count);
  for (auto& value : values) value = normal(random);
  return values;
}

}  // namespace marquee::tensor
