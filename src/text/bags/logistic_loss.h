#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace marquee::text::bags {

/// The loss and its first two derivatives along a line.
struct LinePoint {
  double loss = 0.0;
  double slope = 0.0;
  double curvature = 0.0;
};

/// The weighted mean logistic loss of rows as a function of their scores: of one score for each row (classes 0 and 1),
/// or of one for each class (softmax). Sums do not depend on the number of threads.
class LogisticLoss {
 public:
  /// @param labels below max(outputs, 2); must live as long
  /// @param label_weights what a row of each label counts; the weights of all rows are scaled to sum to 1
  LogisticLoss(std::span<const std::uint32_t> labels, std::span<const double> label_weights, std::size_t outputs,
               base::ThreadPool& pool);

  /// At scores + distance * direction. Leaves the gradient with respect to the scores in residuals().
  /// @shape scores, direction: [rows, outputs]; direction may be empty: then the derivatives are 0
  LinePoint evaluate(std::span<const double> scores, std::span<const double> direction, double distance);
  [[nodiscard]] std::span<const double> residuals() const { return residuals_; }
  /// The sum of the rows' weights before they were scaled.
  [[nodiscard]] double total_weight() const { return total_weight_; }
  [[nodiscard]] std::size_t outputs() const { return outputs_; }

 private:
  struct Row {
    const double* scores;
    const double* direction;  // or null
    double* residuals;
    std::uint32_t label;
    double weight;
  };
  static void add_binary(const Row& row, double distance, LinePoint& sum);
  void add_softmax(const Row& row, double distance, LinePoint& sum) const;

  std::span<const std::uint32_t> labels_;
  std::vector<double> label_weights_;
  double total_weight_ = 0.0;
  std::size_t outputs_;
  base::ThreadPool& pool_;
  std::vector<double> residuals_;
};

}  // namespace marquee::text::bags
