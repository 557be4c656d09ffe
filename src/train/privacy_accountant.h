#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace marquee::train {

/// A stretch of training: each step takes every example with probability sample_rate and adds Gaussian noise of
/// noise_multiplier times the bound that each example's gradient was clipped to.
struct PrivateSteps {
  double noise_multiplier = 0.0;  ///< 0 or more; 0 keeps nothing private
  double sample_rate = 0.0;       ///< 0 to 1
  std::int64_t steps = 0;
};

/// How much a training tells of any one example: (epsilon, delta)-differential privacy by Rényi divergences of the
/// sub-sampled Gaussian mechanism, as opacus's RDPAccountant computes it.
/// @source arXiv:1908.10530 (divergences), arXiv:1905.09982 theorem 21 (conversion, as used by opacus)
class PrivacyAccountant {
 public:
  /// @error kInvalidArgument naming the number out of range
  base::Result<void> add(const PrivateSteps& steps);
  /// The smallest epsilon for this delta over all orders; infinity if nothing bounds it, 0 if nothing was spent.
  /// @param times that what was added is done, 0 or more
  /// @error kInvalidArgument unless 0 < delta < 1
  [[nodiscard]] base::Result<double> epsilon(double delta, std::int64_t times = 1) const;

 private:
  std::vector<double> divergences_;  ///< one for each of renyi_orders()
};

/// 1.1 to 10.9 by tenths, 12 to 63.
std::span<const double> renyi_orders();
/// The Rényi divergence of one step at an order above 1.
double renyi_divergence(double sample_rate, double noise_multiplier, double order);

struct PrivacyTarget {
  double epsilon = 0.0;
  double delta = 0.0;
  double sample_rate = 0.0;
  std::int64_t steps = 0;
  double tolerance = 0.01;  ///< epsilon may stay below by so much
};

/// The least noise that keeps to the target, by bisection as opacus's get_noise_multiplier does it.
/// @error kInvalidArgument if no noise up to a million does, or a number is out of range
base::Result<double> noise_multiplier_for(const PrivacyTarget& target);

}  // namespace marquee::train
