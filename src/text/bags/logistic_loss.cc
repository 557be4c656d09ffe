#include "text/bags/logistic_loss.h"

#include <algorithm>
#include <cmath>

namespace marquee::text::bags {
namespace {

constexpr std::size_t kLossRows = 1024;

}  // namespace

LogisticLoss::LogisticLoss(std::span<const std::uint32_t> labels, std::span<const double> label_weights,
                           std::size_t outputs, base::ThreadPool& pool)
    : labels_(labels),
      label_weights_(label_weights.begin(), label_weights.end()),
      outputs_(outputs),
      pool_(pool),
      residuals_(labels.size() * outputs) {
  for (const std::uint32_t label : labels) total_weight_ += label_weights_[label];
  for (double& weight : label_weights_) weight /= total_weight_;
}

void LogisticLoss::add_binary(const Row& row, double distance, LinePoint& sum) {
  const double along = row.direction == nullptr ? 0.0 : row.direction[0];
  const double score = row.scores[0] + distance * along;
  const double e = std::exp(-std::fabs(score));
  const double likelier = 1.0 / (1.0 + e);
  const double one = score >= 0.0 ? likelier : e * likelier;  // the probability of class 1
  const double label = row.label;
  sum.loss += row.weight * (std::log1p(e) + std::max(score, 0.0) - label * score);
  row.residuals[0] = row.weight * (one - label);
  sum.slope += row.residuals[0] * along;
  sum.curvature += row.weight * one * (1.0 - one) * along * along;
}

void LogisticLoss::add_softmax(const Row& row, double distance, LinePoint& sum) const {
  double* const values = row.residuals;
  for (std::size_t k = 0; k < outputs_; ++k) {
    values[k] = row.scores[k] + (row.direction == nullptr ? 0.0 : distance * row.direction[k]);
  }
  const double highest = *std::max_element(values, values + outputs_);
  const double of_label = values[row.label] - highest;
  double total = 0.0;
  for (std::size_t k = 0; k < outputs_; ++k) total += values[k] = std::exp(values[k] - highest);
  double mean = 0.0;
  double square = 0.0;
  for (std::size_t k = 0; k < outputs_; ++k) {
    const double probability = values[k] / total;
    const double along = row.direction == nullptr ? 0.0 : row.direction[k];
    mean += probability * along;
    square += probability * along * along;
    values[k] = row.weight * probability;
  }
  values[row.label] -= row.weight;
  sum.loss += row.weight * (std::log(total) - of_label);
  sum.slope += row.weight * (mean - (row.direction == nullptr ? 0.0 : row.direction[row.label]));
  sum.curvature += row.weight * (square - mean * mean);
}

LinePoint LogisticLoss::evaluate(std::span<const double> scores, std::span<const double> direction, double distance) {
  const std::size_t rows = labels_.size();
  std::vector<LinePoint> sums((rows + kLossRows - 1) / kLossRows);
  pool_.parallel_for(sums.size(), [&](std::size_t piece) {
    LinePoint sum;
    const std::size_t end = std::min(rows, (piece + 1) * kLossRows);
    for (std::size_t i = piece * kLossRows; i < end; ++i) {
      const std::size_t at = i * outputs_;
      const Row row{scores.data() + at, direction.empty() ? nullptr : direction.data() + at, residuals_.data() + at,
                    labels_[i], label_weights_[labels_[i]]};
      if (outputs_ == 1) {
        add_binary(row, distance, sum);
      } else {
        add_softmax(row, distance, sum);
      }
    }
    sums[piece] = sum;
  });
  LinePoint all;
  for (const LinePoint& sum : sums) {
    all.loss += sum.loss;
    all.slope += sum.slope;
    all.curvature += sum.curvature;
  }
  return all;
}

}  // namespace marquee::text::bags
