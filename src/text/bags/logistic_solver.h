#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "text/bags/lbfgs_history.h"
#include "text/bags/logistic_loss.h"
#include "text/bags/logistic_regression.h"

namespace marquee::text::bags {

/// Minimises mean loss + l2 / 2 * |W|^2 + l1 * |W|, over parameters [weights (features, outputs), bias (outputs)].
class LogisticSolver {
 public:
  /// @param rows, by_feature a matrix and its transpose; they must live as long, as `loss`
  LogisticSolver(const CsrMatrix& rows, const CsrMatrix& by_feature, LogisticLoss& loss, const LogisticOptions& options,
                 base::ThreadPool& pool);

  TrainingOutcome run();
  [[nodiscard]] std::span<const double> weights() const { return std::span(parameters_).first(weight_count_); }
  [[nodiscard]] std::span<const double> bias() const { return std::span(parameters_).subspan(weight_count_); }

 private:
  struct Line {
    std::vector<double> direction;
    std::vector<double> scores;  // what the direction adds to the scores
    double slope = 0.0;          // of the objective
    double square = 0.0;         // of the direction's weights
    double product = 0.0;        // of the direction's and the parameters' weights
  };

  void compute_scores(std::span<const double> parameters, std::span<double> scores) const;
  /// The gradient of all but the absolute weights, from the loss's residuals.
  void compute_gradient();
  /// The derivative of the objective where it has one, and where not the one nearest 0.
  [[nodiscard]] std::vector<double> pseudo_gradient() const;
  [[nodiscard]] double largest_gradient() const;
  [[nodiscard]] double penalty(std::span<const double> parameters) const;
  [[nodiscard]] Line make_line(std::vector<double> direction) const;
  LinePoint at(const Line& line, double distance);
  double search_line(const Line& line, double& objective);
  void accept(std::vector<double> next);
  bool step_smooth(double& objective);
  bool step_orthant(double& objective);

  const CsrMatrix& rows_;
  const CsrMatrix& by_feature_;
  LogisticLoss& loss_;
  LogisticOptions options_;
  base::ThreadPool& pool_;
  LbfgsHistory history_;
  double l2_ = 0.0;
  double l1_ = 0.0;
  std::size_t weight_count_;
  std::vector<double> parameters_;
  std::vector<double> scores_;
  std::vector<double> gradient_;
};

}  // namespace marquee::text::bags
