#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "text/bags/linear_model.h"
#include "text/bags/sparse_matrix.h"

namespace marquee::text::bags {

enum class NaiveBayesKind : std::uint8_t {
  kMultinomial,  ///< what a class says of its own words
  kComplement,   ///< what the other classes' words say against it; better where classes differ in size
};

/// The settings of scikit-learn's MultinomialNB and ComplementNB.
struct NaiveBayesOptions {
  NaiveBayesKind kind = NaiveBayesKind::kMultinomial;
  double alpha = 1.0;      ///< added to every count; 1e-10 to 1e6
  bool fit_prior = true;   ///< classes as frequent as they were, or all alike; multinomial only
  bool normalise = false;  ///< weights of a class sum to 1; complement only

  /// @error kInvalidArgument with the field
  [[nodiscard]] base::Result<void> validate() const;
};

/// One pass over the rows; the model has one score for each class (kSoftmax).
/// @shape rows: [n, features], no value negative; labels: [n]
/// @error kInvalidArgument as check_labels and validate(), or naming a row with a negative value
/// @source Manning et al., Introduction to Information Retrieval, chapter 13; Rennie et al., ICML 2003 (complement)
base::Result<LinearModel> train_naive_bayes(const CsrMatrix& rows, std::span<const std::uint32_t> labels,
                                            std::uint32_t classes, const NaiveBayesOptions& options);

}  // namespace marquee::text::bags
