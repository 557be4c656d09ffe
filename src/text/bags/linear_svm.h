#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/bags/linear_model.h"
#include "text/bags/sparse_matrix.h"

namespace marquee::text::bags {

enum class HingeLoss : std::uint8_t {
  kHinge,         ///< max(0, 1 - y * score)
  kSquaredHinge,  ///< its square
};

/// The settings of scikit-learn's LinearSVC with intercept_scaling 1.
struct SvmOptions {
  HingeLoss loss = HingeLoss::kSquaredHinge;
  double c = 1.0;                       ///< over 0 to 1e9
  bool balanced = false;                ///< each class counts the same, however few its rows
  double tolerance = 1e-4;              ///< of the spread of the dual's projected derivatives; 1e-12 to 1
  std::uint32_t max_iterations = 1000;  ///< passes over the rows; 1 to 1,000,000
  std::uint64_t seed = 1;               ///< of the rows' order; equal seeds give equal models

  /// @error kInvalidArgument with the field
  [[nodiscard]] base::Result<void> validate() const;
};

/// Minimises (|w|^2 + b^2) / 2 + c * sum(weight * loss), by dual coordinate descent with shrinking: of class 1 against
/// class 0 where there are two, else of each class against all others, classes in parallel. The bias is the weight of
/// a feature that is 1 everywhere, and so has a penalty too.
/// @shape rows: [n, features] labels: [n]
/// @error kInvalidArgument as check_labels and validate()
/// @source Hsieh et al., A Dual Coordinate Descent Method for Large-scale Linear SVM, ICML 2008
base::Result<LinearModel> train_svm(const CsrMatrix& rows, std::span<const std::uint32_t> labels, std::uint32_t classes,
                                    const SvmOptions& options, base::ThreadPool& pool);

}  // namespace marquee::text::bags
