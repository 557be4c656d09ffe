#include "text/bags/linear_model.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace marquee::text::bags {

using base::Result;

namespace {

constexpr std::size_t kRowsAtATime = 256;

double logistic(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1.0 + e);
}

void softmax(std::span<double> values) {
  const double highest = *std::max_element(values.begin(), values.end());
  double sum = 0.0;
  for (double& value : values) sum += value = std::exp(value - highest);
  for (double& value : values) value /= sum;
}

/// -ln of the probability of `label`, from the classes' scores.
double log_loss_of(std::span<const double> scores, std::uint32_t label, double inverse_temperature) {
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (const double score : scores) sum += std::exp((score - highest) * inverse_temperature);
  return std::log(sum) - (scores[label] - highest) * inverse_temperature;
}

base::Error labels_error(std::string problem) { return base::invalid_argument(std::move(problem), "labels"); }

Result<void> check_each_label(std::span<const std::uint32_t> labels, std::size_t rows, std::uint32_t classes) {
  if (labels.size() != rows) {
    return labels_error("there are " + std::to_string(labels.size()) + " labels for " + std::to_string(rows) + " rows");
  }
  const auto wrong = std::find_if(labels.begin(), labels.end(), [classes](auto label) { return label >= classes; });
  if (wrong == labels.end()) return {};
  return labels_error("row " + std::to_string(wrong - labels.begin()) + " has label " + std::to_string(*wrong) +
                      " where there are " + std::to_string(classes) + " classes");
}

}  // namespace

void LinearModel::scores(SparseRow row, std::span<double> scores) const {
  std::copy(bias.begin(), bias.end(), scores.begin());
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row.columns[i] >= features) break;  // they ascend
    const double value = row.values[i];
    const float* of_feature = weights.data() + static_cast<std::size_t>(row.columns[i]) * outputs;
    for (std::uint32_t k = 0; k < outputs; ++k) scores[k] += value * of_feature[k];
  }
}

void LinearModel::class_scores(SparseRow row, std::span<double> result) const {
  if (outputs == classes) return scores(row, result);
  scores(row, result.subspan(1, 1));
  result[0] = -result[1];
}

Result<void> LinearModel::probabilities(SparseRow row, std::span<double> result) const {
  if (link == Link::kMargin) {
    return base::unsupported("a hinge classifier has scores but no probabilities; train a logistic one for those");
  }
  class_scores(row, result);
  for (double& score : result) score /= temperature;
  if (link == Link::kSoftmax) {
    softmax(result);
  } else {
    for (double& score : result) score = logistic(score);
  }
  return {};
}

std::uint32_t LinearModel::predict(SparseRow row, std::span<double> scores) const {
  class_scores(row, scores);
  return static_cast<std::uint32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

Result<std::vector<double>> LinearModel::probabilities(const CsrMatrix& rows, base::ThreadPool& pool) const {
  std::vector<double> all(rows.rows() * classes);
  if (link == Link::kMargin) MARQUEE_CHECK(probabilities(SparseRow{}, all));
  pool.parallel_for((rows.rows() + kRowsAtATime - 1) / kRowsAtATime, [&](std::size_t piece) {
    const std::size_t end = std::min(rows.rows(), (piece + 1) * kRowsAtATime);
    for (std::size_t i = piece * kRowsAtATime; i < end; ++i) {
      (void)probabilities(rows.row(i), std::span(all).subspan(i * classes, classes));  // the link was checked
    }
  });
  return all;
}

std::vector<std::uint32_t> LinearModel::predict(const CsrMatrix& rows, base::ThreadPool& pool) const {
  std::vector<std::uint32_t> all(rows.rows());
  pool.parallel_for((rows.rows() + kRowsAtATime - 1) / kRowsAtATime, [&](std::size_t piece) {
    const std::size_t end = std::min(rows.rows(), (piece + 1) * kRowsAtATime);
    std::vector<double> scores(classes);
    for (std::size_t i = piece * kRowsAtATime; i < end; ++i) all[i] = predict(rows.row(i), scores);
  });
  return all;
}

Result<void> check_labels(std::span<const std::uint32_t> labels, std::size_t rows, std::uint32_t classes) {
  if (classes < 2 || classes > LinearModel::kMaxClasses) {
    return labels_error("there must be 2 to 65,536 classes; there are " + std::to_string(classes));
  }
  MARQUEE_CHECK(check_each_label(labels, rows, classes));
  std::vector<bool> seen(classes);
  for (const std::uint32_t label : labels) seen[label] = true;
  const auto missing = std::find(seen.begin(), seen.end(), false);
  if (missing == seen.end()) return {};
  return labels_error("class " + std::to_string(missing - seen.begin()) + " has no row; leave it out or add examples");
}

std::vector<double> class_weights(std::span<const std::uint32_t> labels, std::uint32_t classes, bool balanced) {
  std::vector<double> weights(classes, 1.0);
  if (!balanced) return weights;
  std::vector<std::size_t> counts(classes);
  for (const std::uint32_t label : labels) ++counts[label];
  for (std::uint32_t i = 0; i < classes; ++i) {
    weights[i] = static_cast<double>(labels.size()) / (static_cast<double>(classes) * static_cast<double>(counts[i]));
  }
  return weights;
}

Result<double> fit_temperature(const LinearModel& model, const CsrMatrix& rows, std::span<const std::uint32_t> labels,
                               base::ThreadPool& pool) {
  if (model.link != Link::kSoftmax && model.link != Link::kBinary) {
    return base::unsupported("a temperature is fitted for classifiers whose classes exclude each other");
  }
  if (rows.rows() == 0) return labels_error("there are no rows to fit a temperature to");
  MARQUEE_CHECK(check_each_label(labels, rows.rows(), model.classes));
  std::vector<double> scores(rows.rows() * model.classes);
  pool.parallel_for(rows.rows(), [&](std::size_t i) {
    const auto of_row = std::span(scores).subspan(i * model.classes, model.classes);
    model.class_scores(rows.row(i), of_row);
    if (model.link == Link::kBinary) of_row[0] = 0.0;  // the softmax of (0, x) is the logistic function of x
  });
  const auto loss = [&](double log_temperature) {
    const double inverse = std::exp(-log_temperature);
    double sum = 0.0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      sum += log_loss_of(std::span<const double>(scores).subspan(i * model.classes, model.classes), labels[i], inverse);
    }
    return sum;
  };
  const double golden = (std::sqrt(5.0) - 1.0) / 2.0;
  double low = std::log(0.01);
  double high = std::log(100.0);
  for (int step = 0; step < 60; ++step) {
    const double left = high - golden * (high - low);
    const double right = low + golden * (high - low);
    if (loss(left) <= loss(right)) {
      high = right;
    } else {
      low = left;
    }
  }
  return std::exp((low + high) / 2.0);
}

}  // namespace marquee::text::bags
