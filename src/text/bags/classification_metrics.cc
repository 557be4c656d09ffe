#include "text/bags/classification_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace marquee::text::bags {

using base::Result;

namespace {

constexpr std::uint32_t kMostClasses = 65536;

struct Counts {
  std::uint64_t hits = 0;
  std::uint64_t guessed = 0;
  std::uint64_t right = 0;
};

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

double f1_of(const Counts& counts) { return ratio(2 * counts.hits, counts.guessed + counts.right); }

ClassMetrics metrics_of(const Counts& counts) {
  return {ratio(counts.hits, counts.guessed), ratio(counts.hits, counts.right), f1_of(counts), counts.right};
}

Result<void> check_rows(std::span<const std::uint32_t> labels, std::uint32_t classes) {
  if (labels.empty()) return base::invalid_argument("there are no rows to measure");
  if (classes < 1 || classes > kMostClasses) return base::invalid_argument("there must be 1 to 65,536 classes");
  const auto wrong = std::find_if(labels.begin(), labels.end(), [classes](auto label) { return label >= classes; });
  if (wrong == labels.end()) return {};
  return base::invalid_argument("row " + std::to_string(wrong - labels.begin()) + " has label " +
                                std::to_string(*wrong) + " where there are " + std::to_string(classes) + " classes");
}

Result<void> check_probabilities(std::span<const double> probabilities, std::span<const std::uint32_t> right,
                                 std::uint32_t classes) {
  MARQUEE_CHECK(check_rows(right, classes));
  if (probabilities.size() == right.size() * classes) return {};
  return base::invalid_argument("there are " + std::to_string(probabilities.size()) + " probabilities for " +
                                std::to_string(right.size()) + " rows and " + std::to_string(classes) + " classes");
}

}  // namespace

Result<ClassificationMetrics> classification_metrics(std::span<const std::uint32_t> right,
                                                     std::span<const std::uint32_t> guessed, std::uint32_t classes) {
  MARQUEE_CHECK(check_rows(right, classes));
  MARQUEE_CHECK(check_rows(guessed, classes));
  if (right.size() != guessed.size()) {
    return base::invalid_argument("there are " + std::to_string(guessed.size()) + " guesses for " +
                                  std::to_string(right.size()) + " rows");
  }
  ClassificationMetrics metrics;
  metrics.confusion.resize(static_cast<std::size_t>(classes) * classes);
  std::vector<Counts> counts(classes);
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    ++metrics.confusion[static_cast<std::size_t>(right[i]) * classes + guessed[i]];
    ++counts[right[i]].right;
    ++counts[guessed[i]].guessed;
    if (right[i] != guessed[i]) continue;
    ++counts[right[i]].hits;
    ++hits;
  }
  metrics.accuracy = metrics.micro_f1 = ratio(hits, right.size());
  for (const Counts& of_class : counts) {
    metrics.classes.push_back(metrics_of(of_class));
    const ClassMetrics& made = metrics.classes.back();
    metrics.macro_f1 += made.f1 / classes;
    metrics.weighted_f1 += made.f1 * ratio(made.support, right.size());
  }
  return metrics;
}

Result<LabelMetrics> label_metrics(std::span<const std::vector<std::uint32_t>> right,
                                   std::span<const double> probabilities, std::uint32_t labels, double threshold) {
  if (right.empty()) return base::invalid_argument("there are no rows to measure");
  if (labels < 1 || labels > kMostClasses) return base::invalid_argument("there must be 1 to 65,536 labels");
  if (probabilities.size() != right.size() * labels) {
    return base::invalid_argument("there are " + std::to_string(probabilities.size()) + " probabilities for " +
                                  std::to_string(right.size()) + " rows and " + std::to_string(labels) + " labels");
  }
  std::vector<Counts> counts(labels);
  Counts all;
  std::uint64_t all_right = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    bool is_right = true;
    for (std::uint32_t label = 0; label < labels; ++label) {
      const bool has = std::binary_search(right[i].begin(), right[i].end(), label);
      const bool guessed = probabilities[i * labels + label] > threshold;
      counts[label].right += has ? 1 : 0;
      counts[label].guessed += guessed ? 1 : 0;
      counts[label].hits += has && guessed ? 1 : 0;
      is_right = is_right && has == guessed;
    }
    all_right += is_right ? 1 : 0;
  }
  LabelMetrics metrics;
  metrics.subset_accuracy = ratio(all_right, right.size());
  for (const Counts& of_label : counts) {
    metrics.labels.push_back(metrics_of(of_label));
    metrics.macro_f1 += metrics.labels.back().f1 / labels;
    all.hits += of_label.hits;
    all.guessed += of_label.guessed;
    all.right += of_label.right;
  }
  metrics.micro_f1 = f1_of(all);
  return metrics;
}

Result<double> log_loss(std::span<const double> probabilities, std::span<const std::uint32_t> right,
                        std::uint32_t classes) {
  MARQUEE_CHECK(check_probabilities(probabilities, right, classes));
  constexpr double kLeast = std::numeric_limits<double>::epsilon();
  double sum = 0.0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double of_right = probabilities[i * classes + right[i]];
    sum -= std::log(std::clamp(of_right, kLeast, 1.0 - kLeast));
  }
  return sum / static_cast<double>(right.size());
}

Result<double> expected_calibration_error(std::span<const double> probabilities, std::span<const std::uint32_t> right,
                                          std::uint32_t classes, std::size_t bins) {
  MARQUEE_CHECK(check_probabilities(probabilities, right, classes));
  if (bins < 1 || bins > 10'000) return base::invalid_argument("there must be 1 to 10,000 bins", "bins");
  std::vector<double> difference(bins);  // of confidence and correctness, summed
  for (std::size_t i = 0; i < right.size(); ++i) {
    const auto of_row = probabilities.subspan(i * classes, classes);
    const auto likeliest = std::max_element(of_row.begin(), of_row.end());
    const double place = std::ceil(*likeliest * static_cast<double>(bins)) - 1.0;
    const double bounded =
        std::clamp(place, 0.0, static_cast<double>(bins - 1));  // also catches what is no probability
    const bool is_right = static_cast<std::uint32_t>(likeliest - of_row.begin()) == right[i];
    difference[std::isnan(bounded) ? 0 : static_cast<std::size_t>(bounded)] += *likeliest - (is_right ? 1.0 : 0.0);
  }
  double error = 0.0;
  for (const double of_bin : difference) error += std::fabs(of_bin);
  return error / static_cast<double>(right.size());
}

}  // namespace marquee::text::bags
