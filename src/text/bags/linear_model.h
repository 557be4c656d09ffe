#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/bags/sparse_matrix.h"

namespace marquee::text::bags {

/// How scores become probabilities.
enum class Link : std::uint8_t {
  kSoftmax,  ///< one score for each class; exactly one class is right
  kBinary,   ///< one score, of class 1 against class 0: a logistic function
  kLabels,   ///< one score for each label, each right or wrong by itself: logistic functions
  kMargin,   ///< one score for each class (one alone for two classes), and no probabilities
};

/// A trained linear classifier: scores = row * weights + bias. Immutable once made; any number of threads may ask.
struct LinearModel {
  static constexpr std::uint32_t kMaxClasses = 65536;

  Link link = Link::kSoftmax;
  std::uint32_t classes = 0;
  std::uint32_t outputs = 0;  ///< scores: `classes`, or 1 where one score tells two classes apart
  std::uint32_t features = 0;
  std::vector<float> weights;  ///< [features, outputs]
  std::vector<double> bias;    ///< [outputs]
  double temperature = 1.0;    ///< scores are divided by it before they become probabilities; over 0

  /// The outputs' scores (logits) of a row. Features that the model has not are left out.
  /// @shape scores: [outputs]
  void scores(SparseRow row, std::span<double> scores) const;
  /// The score of each class: where one score tells two classes apart, the first class has its negative.
  /// @shape scores: [classes]
  void class_scores(SparseRow row, std::span<double> scores) const;
  /// The probability of each class; of kLabels each by itself.
  /// @shape probabilities: [classes]
  /// @error kUnsupported for kMargin
  [[nodiscard]] base::Result<void> probabilities(SparseRow row, std::span<double> probabilities) const;
  /// The class of the highest score; the first of several. Of kLabels the likeliest label.
  /// @shape scores: [classes], as class_scores gives them
  std::uint32_t predict(SparseRow row, std::span<double> scores) const;

  /// @shape result: [rows, classes], row-major @error kUnsupported for kMargin
  [[nodiscard]] base::Result<std::vector<double>> probabilities(const CsrMatrix& rows, base::ThreadPool& pool) const;
  [[nodiscard]] std::vector<std::uint32_t> predict(const CsrMatrix& rows, base::ThreadPool& pool) const;

  /// Writes linear_model.json and linear_model.safetensors into a folder that exists. @error kIo
  [[nodiscard]] base::Result<void> save(const std::filesystem::path& folder) const;
  /// @error kNotFound, kIo; kCorrupt, kTooLarge or kUnsupported naming the file and what is wrong with it
  static base::Result<LinearModel> load(const std::filesystem::path& folder);
};

/// Labels of a training set: one class of each row.
/// @error kInvalidArgument if their number is not `rows`, a label is not below `classes` (2 to
/// LinearModel::kMaxClasses)
///        or a class has no row, naming it
base::Result<void> check_labels(std::span<const std::uint32_t> labels, std::size_t rows, std::uint32_t classes);

/// What a row of each class counts: rows / (classes * rows of the class) if `balanced`, else 1. That is scikit-learn's
/// class_weight="balanced".
std::vector<double> class_weights(std::span<const std::uint32_t> labels, std::uint32_t classes, bool balanced);

/// Finds the temperature that makes the log loss of rows that were not trained on least, by golden-section search over
/// 0.01 to 100. Which class is likeliest does not change.
/// @param labels valid ones for the model; its link is kSoftmax or kBinary
/// @error kUnsupported for another link; kInvalidArgument as check_labels, but that classes may lack
/// @source arXiv:1706.04599
base::Result<double> fit_temperature(const LinearModel& model, const CsrMatrix& rows,
                                     std::span<const std::uint32_t> labels, base::ThreadPool& pool);

}  // namespace marquee::text::bags
