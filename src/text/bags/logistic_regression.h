#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/bags/linear_model.h"
#include "text/bags/sparse_matrix.h"

namespace marquee::text::bags {

/// The settings of scikit-learn's LogisticRegression, which has its optimum at the same coefficients.
struct LogisticOptions {
  double c = 1.0;                       ///< the inverse of the penalty's strength; over 0 to 1e9
  double l1_ratio = 0.0;                ///< 0: squared weights; 1: absolute weights; between: both (elastic net)
  bool balanced = false;                ///< each class counts the same, however few its rows
  bool with_bias = true;                ///< of each class, without penalty
  double tolerance = 1e-6;              ///< of the largest derivative of the mean loss; 1e-12 to 1; scikit-learn: 1e-4
  std::uint32_t max_iterations = 1000;  ///< 1 to 1,000,000

  /// @error kInvalidArgument with the field
  [[nodiscard]] base::Result<void> validate() const;
};

/// How training went.
struct TrainingOutcome {
  std::uint32_t iterations = 0;
  double objective = 0.0;       ///< mean loss and penalty
  double largest_gradient = 0;  ///< what the tolerance is compared with
  bool converged = false;       ///< or the iterations were used up
};

/// Minimises sum(weight * log loss) * c + penalty, by L-BFGS, or OWL-QN where l1_ratio is over 0: the mean of the log
/// losses and the penalty over c * sum(weight). Two classes have one score (kBinary), more have one each (kSoftmax).
/// The result does not depend on the number of threads.
/// @shape rows: [n, features] labels: [n]
/// @error kInvalidArgument as check_labels and validate()
/// @source Liu and Nocedal 1989 (L-BFGS); Andrew and Gao 2007 (OWL-QN)
base::Result<LinearModel> train_logistic(const CsrMatrix& rows, std::span<const std::uint32_t> labels,
                                         std::uint32_t classes, const LogisticOptions& options, base::ThreadPool& pool,
                                         TrainingOutcome* outcome = nullptr);

/// One classifier for each label against all else: a row may have any number of labels, none as well.
/// @param labels of each row, ascending, each below `classes`
/// @error kInvalidArgument as above, or naming a label that no row or every row has
base::Result<LinearModel> train_label_logistic(const CsrMatrix& rows,
                                               std::span<const std::vector<std::uint32_t>> labels,
                                               std::uint32_t classes, const LogisticOptions& options,
                                               base::ThreadPool& pool);

}  // namespace marquee::text::bags
