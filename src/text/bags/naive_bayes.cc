#include "text/bags/naive_bayes.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace marquee::text::bags {

using base::Result;

namespace {

/// The sum of the values of each feature in each class.
/// @shape result: [features, classes]
Result<std::vector<double>> count_features(const CsrMatrix& rows, std::span<const std::uint32_t> labels,
                                           std::uint32_t classes) {
  std::vector<double> counts(static_cast<std::size_t>(rows.columns) * classes);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const SparseRow row = rows.row(i);
    for (std::size_t j = 0; j < row.size(); ++j) {
      if (row.values[j] < 0.0F) {
        return base::invalid_argument("row " + std::to_string(i) + " has a negative value in column " +
                                      std::to_string(row.columns[j]) + "; use alternate_sign false");
      }
      counts[static_cast<std::size_t>(row.columns[j]) * classes + labels[i]] += row.values[j];
    }
  }
  return counts;
}

/// What becomes of counts [features, classes], in place; returns the sum of each class.
template <typename Change>
std::vector<double> change_counts(std::vector<double>& counts, std::uint32_t classes, const Change& change) {
  std::vector<double> sums(classes);
  for (std::size_t at = 0; at < counts.size(); at += classes) {
    const auto of_feature = std::span(counts).subspan(at, classes);
    change(of_feature);
    for (std::uint32_t k = 0; k < classes; ++k) sums[k] += of_feature[k];
  }
  return sums;
}

void multinomial_weights(std::vector<double>& counts, std::uint32_t classes, const NaiveBayesOptions& options) {
  const auto sums = change_counts(counts, classes, [&](std::span<double> of_feature) {
    for (double& count : of_feature) count += options.alpha;
  });
  change_counts(counts, classes, [&](std::span<double> of_feature) {
    for (std::uint32_t k = 0; k < classes; ++k) of_feature[k] = std::log(of_feature[k]) - std::log(sums[k]);
  });
}

void complement_weights(std::vector<double>& counts, std::uint32_t classes, const NaiveBayesOptions& options) {
  const auto sums = change_counts(counts, classes, [&](std::span<double> of_feature) {
    const double all = std::accumulate(of_feature.begin(), of_feature.end(), 0.0);
    for (double& count : of_feature) count = all + options.alpha - count;
  });
  const auto logarithms = change_counts(counts, classes, [&](std::span<double> of_feature) {
    for (std::uint32_t k = 0; k < classes; ++k) of_feature[k] = std::log(of_feature[k] / sums[k]);
  });
  change_counts(counts, classes, [&](std::span<double> of_feature) {
    for (std::uint32_t k = 0; k < classes; ++k) {
      of_feature[k] = options.normalise ? of_feature[k] / logarithms[k] : -of_feature[k];
    }
  });
}

}  // namespace

Result<void> NaiveBayesOptions::validate() const {
  if (alpha >= 1e-10 && alpha <= 1e6) return {};
  return base::invalid_argument("alpha must be 1e-10 to 1e6", "alpha");
}

Result<LinearModel> train_naive_bayes(const CsrMatrix& rows, std::span<const std::uint32_t> labels,
                                      std::uint32_t classes, const NaiveBayesOptions& options) {
  MARQUEE_CHECK(options.validate());
  MARQUEE_CHECK(check_labels(labels, rows.rows(), classes));
  MARQUEE_ASSIGN(std::vector<double> counts, count_features(rows, labels, classes));
  LinearModel model;
  model.link = Link::kSoftmax;
  model.classes = classes;
  model.outputs = classes;
  model.features = rows.columns;
  model.bias.resize(classes);
  if (options.kind == NaiveBayesKind::kComplement) {
    complement_weights(counts, classes, options);
  } else {
    multinomial_weights(counts, classes, options);
    std::vector<double> of_class(classes);
    for (const std::uint32_t label : labels) of_class[label] += 1.0;
    for (std::uint32_t k = 0; k < classes; ++k) {
      const double share = options.fit_prior ? of_class[k] / static_cast<double>(labels.size()) : 1.0 / classes;
      model.bias[k] = std::log(share);
    }
  }
  model.weights.assign(counts.begin(), counts.end());
  return model;
}

}  // namespace marquee::text::bags
