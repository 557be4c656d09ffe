#include "text/bags/linear_svm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace marquee::text::bags {

using base::Result;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Dual coordinate descent for one class against others: algorithm 3 of the paper.
class DualDescent {
 public:
  /// @param signs 1 or -1 of each row @param costs what each row's loss is multiplied by
  DualDescent(const CsrMatrix& rows, std::vector<std::int8_t> signs, std::vector<double> costs,
              const SvmOptions& options);

  void run();
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }  // the bias is the last

 private:
  /// The largest and the smallest projected derivative of one pass.
  struct Spread {
    double largest = -kInfinity;
    double smallest = kInfinity;
  };

  [[nodiscard]] double score(std::size_t row) const;
  void move(std::size_t row, double step);
  Spread pass();
  bool visit(std::size_t row, Spread& spread);

  const CsrMatrix& rows_;
  const SvmOptions& options_;
  std::vector<std::int8_t> signs_;
  std::vector<double> costs_;
  std::vector<double> squares_;  // of each row's length, the bias's feature included, and the diagonal
  std::vector<double> alpha_;
  std::vector<double> weights_;
  std::vector<std::uint32_t> active_;  // rows that are not shrunk away
  Spread before_{kInfinity, -kInfinity};
  std::mt19937_64 random_;
};

DualDescent::DualDescent(const CsrMatrix& rows, std::vector<std::int8_t> signs, std::vector<double> costs,
                         const SvmOptions& options)
    : rows_(rows),
      options_(options),
      signs_(std::move(signs)),
      costs_(std::move(costs)),
      squares_(rows.rows(), 1.0),
      alpha_(rows.rows()),
      weights_(static_cast<std::size_t>(rows.columns) + 1),
      active_(rows.rows()),
      random_(options.seed) {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (const float value : rows.row(i).values) squares_[i] += static_cast<double>(value) * value;
    if (options.loss == HingeLoss::kSquaredHinge) squares_[i] += 0.5 / costs_[i];
  }
  std::iota(active_.begin(), active_.end(), 0U);
}

double DualDescent::score(std::size_t row) const {
  const SparseRow of_row = rows_.row(row);
  double sum = weights_.back();
  for (std::size_t i = 0; i < of_row.size(); ++i) sum += of_row.values[i] * weights_[of_row.columns[i]];
  return sum;
}

void DualDescent::move(std::size_t row, double step) {
  const SparseRow of_row = rows_.row(row);
  for (std::size_t i = 0; i < of_row.size(); ++i) weights_[of_row.columns[i]] += step * of_row.values[i];
  weights_.back() += step;
}

/// Moves one row's dual variable to where its derivative is 0, within its bounds.
/// @return whether the row may be left out of the next passes
bool DualDescent::visit(std::size_t row, Spread& spread) {
  const bool squared = options_.loss == HingeLoss::kSquaredHinge;
  const double bound = squared ? kInfinity : costs_[row];
  const double alpha = alpha_[row];
  double derivative = signs_[row] * score(row) - 1.0;
  if (squared) derivative += alpha * 0.5 / costs_[row];
  double projected = derivative;
  if (alpha == 0.0) {
    if (derivative > before_.largest) return true;
    projected = std::min(derivative, 0.0);
  } else if (alpha == bound) {
    if (derivative < before_.smallest) return true;
    projected = std::max(derivative, 0.0);
  }
  spread.largest = std::max(spread.largest, projected);
  spread.smallest = std::min(spread.smallest, projected);
  if (std::fabs(projected) > 1e-12) {
    alpha_[row] = std::min(std::max(alpha - derivative / squares_[row], 0.0), bound);
    move(row, (alpha_[row] - alpha) * signs_[row]);
  }
  return false;
}

DualDescent::Spread DualDescent::pass() {
  Spread spread;
  for (std::size_t i = active_.size(); i > 1; --i) std::swap(active_[i - 1], active_[random_() % i]);
  for (std::size_t i = 0; i < active_.size();) {
    if (visit(active_[i], spread)) {
      active_[i] = active_.back();
      active_.pop_back();
    } else {
      ++i;
    }
  }
  return spread;
}

void DualDescent::run() {
  for (std::uint32_t iteration = 0; iteration < options_.max_iterations; ++iteration) {
    const Spread spread = pass();
    if (spread.largest - spread.smallest <= options_.tolerance) {
      if (active_.size() == rows_.rows()) return;
      // What was left out must agree as well.
      active_.resize(rows_.rows());
      std::iota(active_.begin(), active_.end(), 0U);
      before_ = {kInfinity, -kInfinity};
      continue;
    }
    before_.largest = spread.largest <= 0.0 ? kInfinity : spread.largest;
    before_.smallest = spread.smallest >= 0.0 ? -kInfinity : spread.smallest;
  }
}

}  // namespace

Result<void> SvmOptions::validate() const {
  const auto refuse = [](const char* field, const char* range) {
    return base::invalid_argument(std::string(field) + " must be " + range, field);
  };
  if (!(c > 0.0 && c <= 1e9)) return refuse("c", "over 0, at most 1e9");
  if (!(tolerance >= 1e-12 && tolerance <= 1.0)) return refuse("tolerance", "1e-12 to 1");
  if (max_iterations < 1 || max_iterations > 1'000'000) return refuse("max_iterations", "1 to 1,000,000");
  return {};
}

Result<LinearModel> train_svm(const CsrMatrix& rows, std::span<const std::uint32_t> labels, std::uint32_t classes,
                              const SvmOptions& options, base::ThreadPool& pool) {
  MARQUEE_CHECK(options.validate());
  MARQUEE_CHECK(check_labels(labels, rows.rows(), classes));
  LinearModel model;
  model.link = Link::kMargin;
  model.classes = classes;
  model.outputs = classes == 2 ? 1 : classes;
  model.features = rows.columns;
  model.weights.resize(static_cast<std::size_t>(rows.columns) * model.outputs);
  model.bias.resize(model.outputs);
  // What the rows of each class count, as scikit-learn gives it to liblinear: a class against all others keeps the
  // weight of its own rows and leaves 1 to the others.
  const std::vector<double> weights = class_weights(labels, classes, options.balanced);
  pool.parallel_for(model.outputs, [&](std::size_t output) {
    const auto positive = static_cast<std::uint32_t>(model.outputs == 1 ? 1 : output);
    std::vector<std::int8_t> signs(labels.size());
    std::vector<double> costs(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const bool is_positive = labels[i] == positive;
      signs[i] = is_positive ? 1 : -1;
      costs[i] = options.c * (is_positive || model.outputs == 1 ? weights[labels[i]] : 1.0);
    }
    DualDescent descent(rows, std::move(signs), std::move(costs), options);
    descent.run();
    for (std::size_t feature = 0; feature < model.features; ++feature) {
      model.weights[feature * model.outputs + output] = static_cast<float>(descent.weights()[feature]);
    }
    model.bias[output] = descent.weights().back();
  });
  return model;
}

}  // namespace marquee::text::bags
