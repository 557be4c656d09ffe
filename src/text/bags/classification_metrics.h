#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace marquee::text::bags {

/// Of one class, 0 where nothing was found or nothing was there to find.
struct ClassMetrics {
  double precision = 0.0;
  double recall = 0.0;
  double f1 = 0.0;
  std::uint64_t support = 0;  ///< rows that are of it
};

/// How well classes were told apart, as scikit-learn's accuracy_score,
/// precision_recall_fscore_support(zero_division=0), f1_score and confusion_matrix say it.
struct ClassificationMetrics {
  double accuracy = 0.0;
  double macro_f1 = 0.0;     ///< the mean of the classes' F1, of classes that are neither right nor guessed 0
  double micro_f1 = 0.0;     ///< of all decisions together; with one class for each row the accuracy
  double weighted_f1 = 0.0;  ///< the mean of the classes' F1 by support
  std::vector<ClassMetrics> classes;
  std::vector<std::uint64_t> confusion;  ///< [right class, guessed class], row-major
};

/// @shape right, guessed: [rows], each below `classes`
/// @error kInvalidArgument if there are no rows, the lengths differ or a label is not below `classes` (1 to 65,536)
base::Result<ClassificationMetrics> classification_metrics(std::span<const std::uint32_t> right,
                                                           std::span<const std::uint32_t> guessed,
                                                           std::uint32_t classes);

/// Of rows that may have any number of labels each, as scikit-learn's f1_score says it of indicator matrices.
struct LabelMetrics {
  double subset_accuracy = 0.0;  ///< the share of rows whose labels are all right
  double macro_f1 = 0.0;
  double micro_f1 = 0.0;
  std::vector<ClassMetrics> labels;
};

/// @param right the labels of each row, ascending and below `labels`
/// @param probabilities [rows, labels], row-major; over `threshold` is guessed
/// @error kInvalidArgument if there are no rows or the sizes differ
base::Result<LabelMetrics> label_metrics(std::span<const std::vector<std::uint32_t>> right,
                                         std::span<const double> probabilities, std::uint32_t labels,
                                         double threshold = 0.5);

/// The mean of -ln of the probability of the right class, probabilities not below 2^-52, as scikit-learn's log_loss.
/// @shape probabilities: [rows, classes], row-major; right: [rows]
/// @error kInvalidArgument if there are no rows, the sizes differ or a label is not below `classes`
base::Result<double> log_loss(std::span<const double> probabilities, std::span<const std::uint32_t> right,
                              std::uint32_t classes);

/// How far the likeliest class's probability is from how often it is right: the mean over `bins` of equal width
/// (lower bound excluded), by how many rows each has.
/// @shape as log_loss @param bins 1 to 10,000
/// @error kInvalidArgument as log_loss
/// @source arXiv:1706.04599, equation 3
base::Result<double> expected_calibration_error(std::span<const double> probabilities,
                                                std::span<const std::uint32_t> right, std::uint32_t classes,
                                                std::size_t bins = 15);

}  // namespace marquee::text::bags
