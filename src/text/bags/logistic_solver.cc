#include "text/bags/logistic_solver.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace marquee::text::bags {
namespace {

// Of a line search: how much of the slope the objective must fall by, and how much of the slope may be left.
constexpr double kSufficientDecrease = 1e-4;
constexpr double kSlopeLeft = 0.5;
constexpr int kMaxTrials = 40;
// Below this relative decrease rounding decides: what scipy's L-BFGS-B is given by scikit-learn.
constexpr double kLeastDecrease = 64.0 * std::numeric_limits<double>::epsilon();

double sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0; }

}  // namespace

LogisticSolver::LogisticSolver(const CsrMatrix& rows, const CsrMatrix& by_feature, LogisticLoss& loss,
                               const LogisticOptions& options, base::ThreadPool& pool)
    : rows_(rows),
      by_feature_(by_feature),
      loss_(loss),
      options_(options),
      pool_(pool),
      history_(pool),
      weight_count_(static_cast<std::size_t>(rows.columns) * loss.outputs()),
      parameters_(weight_count_ + loss.outputs()),
      scores_(rows.rows() * loss.outputs()),
      gradient_(parameters_.size()) {
  const double strength = 1.0 / (options.c * loss.total_weight());
  l2_ = strength * (1.0 - options.l1_ratio);
  l1_ = strength * options.l1_ratio;
}

TrainingOutcome LogisticSolver::run() {
  TrainingOutcome outcome;
  outcome.objective = loss_.evaluate(scores_, {}, 0.0).loss;
  compute_gradient();
  for (;;) {
    outcome.largest_gradient = largest_gradient();
    outcome.converged = outcome.largest_gradient <= options_.tolerance;
    if (outcome.converged || outcome.iterations >= options_.max_iterations) return outcome;
    const double before = outcome.objective;
    const bool moved = l1_ > 0.0 ? step_orthant(outcome.objective) : step_smooth(outcome.objective);
    ++outcome.iterations;
    if (!moved && history_.empty()) return outcome;
    if (!moved) {
      history_.clear();  // once more, straight downhill
    } else if (before - outcome.objective <= kLeastDecrease * std::max(std::fabs(before), 1.0)) {
      outcome.largest_gradient = largest_gradient();
      outcome.converged = true;
      return outcome;
    }
  }
}

void LogisticSolver::compute_scores(std::span<const double> parameters, std::span<double> scores) const {
  const std::size_t outputs = loss_.outputs();
  multiply(rows_, parameters.first(weight_count_), outputs, scores, pool_);
  if (!options_.with_bias) return;
  for (std::size_t i = 0; i < scores.size(); i += outputs) {
    for (std::size_t k = 0; k < outputs; ++k) scores[i + k] += parameters[weight_count_ + k];
  }
}

void LogisticSolver::compute_gradient() {
  const std::size_t outputs = loss_.outputs();
  const auto of_weights = std::span(gradient_).first(weight_count_);
  multiply(by_feature_, loss_.residuals(), outputs, of_weights, pool_);
  add_scaled(l2_, weights(), of_weights, pool_);
  const auto of_bias = std::span(gradient_).subspan(weight_count_);
  std::fill(of_bias.begin(), of_bias.end(), 0.0);
  if (!options_.with_bias) return;
  const auto residuals = loss_.residuals();
  for (std::size_t i = 0; i < residuals.size(); i += outputs) {
    for (std::size_t k = 0; k < outputs; ++k) of_bias[k] += residuals[i + k];
  }
}

std::vector<double> LogisticSolver::pseudo_gradient() const {
  std::vector<double> result = gradient_;
  if (l1_ == 0.0) return result;
  for (std::size_t i = 0; i < weight_count_; ++i) {
    const double side = sign(parameters_[i]);
    if (side != 0.0) {
      result[i] += side * l1_;
    } else {
      result[i] = sign(result[i]) * std::max(std::fabs(result[i]) - l1_, 0.0);
    }
  }
  return result;
}

double LogisticSolver::largest_gradient() const {
  double largest = 0.0;
  for (const double value : l1_ == 0.0 ? gradient_ : pseudo_gradient()) largest = std::max(largest, std::fabs(value));
  return largest;
}

double LogisticSolver::penalty(std::span<const double> parameters) const {
  const auto of_weights = parameters.first(weight_count_);
  double sum = l2_ / 2.0 * dot(of_weights, of_weights, pool_);
  if (l1_ == 0.0) return sum;
  double absolute = 0.0;
  for (const double weight : of_weights) absolute += std::fabs(weight);
  return sum + l1_ * absolute;
}

LogisticSolver::Line LogisticSolver::make_line(std::vector<double> direction) const {
  Line line;
  line.direction = std::move(direction);
  const auto of_weights = std::span<const double>(line.direction).first(weight_count_);
  line.slope = dot(gradient_, line.direction, pool_);
  line.square = dot(of_weights, of_weights, pool_);
  line.product = dot(of_weights, weights(), pool_);
  line.scores.resize(scores_.size());
  compute_scores(line.direction, line.scores);
  return line;
}

/// The objective less the penalty at distance 0.
LinePoint LogisticSolver::at(const Line& line, double distance) {
  LinePoint point = loss_.evaluate(scores_, line.scores, distance);
  point.loss += l2_ * distance * (line.product + distance / 2.0 * line.square);
  point.slope += l2_ * (line.product + distance * line.square);
  point.curvature += l2_ * line.square;
  return point;
}

/// Newton's method along the line, within what is known to hold the minimum. The scores along it are known, so that a
/// trial costs no pass over the matrix. @return the distance; 0 if nothing nearer than rounding is lower
double LogisticSolver::search_line(const Line& line, double& objective) {
  const double without = objective - penalty(parameters_);
  const double rounding = 16.0 * std::numeric_limits<double>::epsilon() * std::max(1.0, std::fabs(without));
  double low = 0.0;
  double high = std::numeric_limits<double>::infinity();
  double distance = 1.0;
  if (history_.empty()) {
    // Without a history the direction has no length of its own.
    const LinePoint start = at(line, 0.0);
    distance = start.curvature > 0.0 ? -start.slope / start.curvature : 1.0;
  }
  for (int trial = 0; trial < kMaxTrials; ++trial) {
    const LinePoint point = at(line, distance);
    const bool falls = point.loss <= without + kSufficientDecrease * distance * line.slope + rounding;
    if (falls && std::fabs(point.slope) <= kSlopeLeft * std::fabs(line.slope)) {
      objective += point.loss - without;
      return distance;
    }
    (point.slope < 0.0 && falls ? low : high) = distance;
    double next = point.curvature > 0.0 ? distance - point.slope / point.curvature : 2.0 * distance;
    if (!(next > low && next < high)) next = std::isinf(high) ? 2.0 * distance : (low + high) / 2.0;
    distance = next;
  }
  const LinePoint last = at(line, low);
  objective += last.loss - without;
  return low;
}

bool LogisticSolver::step_smooth(double& objective) {
  Line line = make_line(history_.direction(gradient_));
  if (!(line.slope < 0.0)) return false;
  const double distance = search_line(line, objective);
  if (distance == 0.0) return false;
  add_scaled(distance, line.scores, scores_, pool_);
  std::vector<double> next = parameters_;
  add_scaled(distance, line.direction, next, pool_);
  accept(std::move(next));
  return true;
}

/// Goes to new parameters, at which the loss was evaluated last, and notes what that did to the gradient.
void LogisticSolver::accept(std::vector<double> next) {
  parameters_.swap(next);
  std::vector<double> step = parameters_;
  add_scaled(-1.0, next, step, pool_);
  std::vector<double> before = gradient_;
  compute_gradient();
  std::vector<double> change = gradient_;
  add_scaled(-1.0, before, change, pool_);
  history_.note(std::move(step), std::move(change));
}

/// One step of OWL-QN: in the orthant that the parameters and the pseudo-gradient choose, where the absolute weights
/// are linear; what would leave it becomes 0.
bool LogisticSolver::step_orthant(double& objective) {
  const std::vector<double> downhill = pseudo_gradient();
  std::vector<double> direction = history_.direction(downhill);
  for (std::size_t i = 0; i < weight_count_; ++i) {
    if (direction[i] * downhill[i] >= 0.0) direction[i] = 0.0;
  }
  double distance = history_.empty() ? 1.0 / std::sqrt(std::max(dot(downhill, downhill, pool_), 1e-300)) : 1.0;
  std::vector<double> next(parameters_.size());
  std::vector<double> scores(scores_.size());
  for (int trial = 0; trial < kMaxTrials; ++trial, distance /= 2.0) {
    double expected = 0.0;
    for (std::size_t i = 0; i < next.size(); ++i) {
      next[i] = parameters_[i] + distance * direction[i];
      if (i < weight_count_) {
        const double side = parameters_[i] != 0.0 ? sign(parameters_[i]) : -sign(downhill[i]);
        if (next[i] * side <= 0.0) next[i] = 0.0;
      }
      expected += downhill[i] * (next[i] - parameters_[i]);
    }
    compute_scores(next, scores);
    const double reached = loss_.evaluate(scores, {}, 0.0).loss + penalty(next);
    if (!(expected < 0.0) || !(reached <= objective + kSufficientDecrease * expected)) continue;
    objective = reached;
    scores_.swap(scores);
    accept(std::move(next));
    return true;
  }
  return false;
}

}  // namespace marquee::text::bags
