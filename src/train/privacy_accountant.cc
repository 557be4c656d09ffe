#include "train/privacy_accountant.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

namespace marquee::train {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMaxNoise = 1e6;

/// log(e^a + e^b)
double log_add(double a, double b) {
  const double low = std::min(a, b), high = std::max(a, b);
  return low == -kInfinity ? high : high + std::log1p(std::exp(low - high));
}

/// log(e^a - e^b) for a >= b; rounding may leave b a little larger, and the difference is nothing then
double log_subtract(double a, double b) {
  if (b == -kInfinity) return a;
  return a <= b ? -kInfinity : a + std::log(-std::expm1(b - a));
}

/// Far out erfc itself underflows; its continued series has all digits there (Abramowitz and Stegun 7.1.23).
double log_erfc(double x) {
  if (x < 20.0) return std::log(std::erfc(x));
  const double r = 1.0 / (2.0 * x * x);
  const double series = 1.0 - r * (1.0 - 3.0 * r * (1.0 - 5.0 * r * (1.0 - 7.0 * r)));
  return -x * x - std::log(x * std::sqrt(std::numbers::pi)) + std::log(series);
}

/// log A of a whole order: a finite sum (arXiv:1908.10530, section 3.3).
double log_moment_of_whole(double q, double sigma, std::int64_t order) {
  double total = -kInfinity;
  double log_choose = 0.0;
  for (std::int64_t i = 0; i <= order; ++i) {
    const auto k = static_cast<double>(i);
    const auto rest = static_cast<double>(order - i);
    const double term = log_choose + k * std::log(q) + rest * std::log1p(-q);
    total = log_add(total, term + (k * k - k) / (2.0 * sigma * sigma));
    log_choose += std::log(rest) - std::log(k + 1.0);  // the last one is not used
  }
  return total;
}

/// log A of any other order: two series, cut off where terms stop counting.
double log_moment_of_part(double q, double sigma, double order) {
  double low = -kInfinity, high = -kInfinity;
  const double middle = sigma * sigma * std::log(1.0 / q - 1.0) + 0.5;
  const double scale = std::numbers::sqrt2 * sigma;
  double log_choose = 0.0;
  bool is_negative = false;
  for (std::int64_t i = 0;; ++i) {
    const auto k = static_cast<double>(i);
    const double rest = order - k;
    const double first = log_choose + k * std::log(q) + rest * std::log1p(-q) + (k * k - k) / (2.0 * sigma * sigma) +
                         std::log(0.5) + log_erfc((k - middle) / scale);
    const double second = log_choose + rest * std::log(q) + k * std::log1p(-q) +
                          (rest * rest - rest) / (2.0 * sigma * sigma) + std::log(0.5) +
                          log_erfc((middle - rest) / scale);
    low = is_negative ? log_subtract(low, first) : log_add(low, first);
    high = is_negative ? log_subtract(high, second) : log_add(high, second);
    if (std::max(first, second) < -30.0) break;
    // The next binomial coefficient has the factor (order - i) / (i + 1), negative once i is beyond the order.
    if (rest < 0.0) is_negative = !is_negative;
    log_choose += std::log(std::fabs(rest)) - std::log(k + 1.0);
  }
  return log_add(low, high);
}

base::Result<void> check_delta(double delta) {
  if (delta > 0.0 && delta < 1.0) return {};
  return base::invalid_argument("delta is between 0 and 1, best below one divided by the number of examples", "delta");
}

}  // namespace

std::span<const double> renyi_orders() {
  static const std::vector<double> orders = [] {
    std::vector<double> all;
    for (int tenth = 1; tenth < 100; ++tenth) all.push_back(1.0 + tenth / 10.0);
    for (int whole = 12; whole < 64; ++whole) all.push_back(whole);
    return all;
  }();
  return orders;
}

double renyi_divergence(double sample_rate, double noise_multiplier, double order) {
  if (sample_rate == 0.0) return 0.0;
  if (noise_multiplier == 0.0) return kInfinity;
  if (sample_rate == 1.0) return order / (2.0 * noise_multiplier * noise_multiplier);
  const double moment = order == std::floor(order)
                            ? log_moment_of_whole(sample_rate, noise_multiplier, static_cast<std::int64_t>(order))
                            : log_moment_of_part(sample_rate, noise_multiplier, order);
  return moment / (order - 1.0);
}

base::Result<void> PrivacyAccountant::add(const PrivateSteps& steps) {
  if (!(steps.noise_multiplier >= 0.0 && std::isfinite(steps.noise_multiplier))) {
    return base::invalid_argument("the noise multiplier is 0 or more", "noise_multiplier");
  }
  if (!(steps.sample_rate >= 0.0 && steps.sample_rate <= 1.0)) {
    return base::invalid_argument("the sample rate is a probability", "sample_rate");
  }
  if (steps.steps < 0) return base::invalid_argument("there are 0 steps or more", "steps");
  if (steps.steps == 0) return {};
  const auto orders = renyi_orders();
  divergences_.resize(orders.size(), 0.0);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    divergences_[i] +=
        static_cast<double>(steps.steps) * renyi_divergence(steps.sample_rate, steps.noise_multiplier, orders[i]);
  }
  return {};
}

base::Result<double> PrivacyAccountant::epsilon(double delta, std::int64_t times) const {
  MARQUEE_CHECK(check_delta(delta));
  if (divergences_.empty() || times <= 0) return 0.0;
  double least = kInfinity;
  for (std::size_t i = 0; i < divergences_.size(); ++i) {
    const double order = renyi_orders()[i];
    const double epsilon = static_cast<double>(times) * divergences_[i] -
                           (std::log(delta) + std::log(order)) / (order - 1.0) + std::log((order - 1.0) / order);
    if (epsilon < least) least = epsilon;
  }
  return std::max(0.0, least);
}

base::Result<double> noise_multiplier_for(const PrivacyTarget& target) {
  if (!(target.epsilon > 0.0 && std::isfinite(target.epsilon))) {
    return base::invalid_argument("epsilon is above 0", "target_epsilon");
  }
  const auto spent = [&](double noise) -> base::Result<double> {
    PrivacyAccountant accountant;
    MARQUEE_CHECK(accountant.add({noise, target.sample_rate, target.steps}));
    return accountant.epsilon(target.delta);
  };
  double low = 0.0, high = 10.0;
  double at_high = kInfinity;
  while (at_high > target.epsilon) {
    high *= 2.0;
    if (high > kMaxNoise) {
      return base::invalid_argument("no noise keeps to an epsilon of " + std::to_string(target.epsilon) +
                                        "; ask for a larger one, fewer steps or a smaller batch",
                                    "target_epsilon");
    }
    MARQUEE_ASSIGN(at_high, spent(high));
  }
  // Bisection ends by itself where epsilon jumps: noise cannot be told apart any further.
  for (int round = 0; round < 200 && target.epsilon - at_high > target.tolerance; ++round) {
    const double middle = (low + high) / 2.0;
    MARQUEE_ASSIGN(const double at_middle, spent(middle));
    if (at_middle < target.epsilon) {
      high = middle;
      at_high = at_middle;
    } else {
      low = middle;
    }
  }
  return high;
}

}  // namespace marquee::train
