#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace marquee::text::bags {

/// The sum of a[i] * b[i], summed in pieces of one size, so that the number of threads changes nothing.
/// @shape a, b: of one length
double dot(std::span<const double> a, std::span<const double> b, base::ThreadPool& pool);

/// y += factor * x. @shape x, y: of one length
void add_scaled(double factor, std::span<const double> x, std::span<double> y, base::ThreadPool& pool);

/// What limited-memory BFGS remembers of the last steps.
/// @source Nocedal and Wright, Numerical Optimization, 2nd edition, algorithm 7.4
class LbfgsHistory {
 public:
  explicit LbfgsHistory(base::ThreadPool& pool) : pool_(pool) {}

  /// Takes note of a step and how it changed the gradient; leaves out one along which the function does not curve.
  void note(std::vector<double> step, std::vector<double> gradient_change);
  /// The approximate inverse of the second derivatives, times -gradient.
  [[nodiscard]] std::vector<double> direction(std::span<const double> gradient) const;
  [[nodiscard]] bool empty() const { return pairs_.empty(); }
  void clear() { pairs_.clear(); }

 private:
  static constexpr std::size_t kPairs = 10;
  struct Pair {
    std::vector<double> step;
    std::vector<double> change;
    double inverse_curvature = 0.0;  // 1 / (step * change)
  };

  base::ThreadPool& pool_;
  std::vector<Pair> pairs_;  // the oldest first
  double scale_ = 1.0;       // of the inverse before the pairs
};

}  // namespace marquee::text::bags
