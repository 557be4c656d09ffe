#pragma once

#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

/// Along the last axis. -infinity gives 0.
Tensor softmax(const Tensor& x);
/// Its logarithm, without the loss of digits.
Tensor log_softmax(const Tensor& x);

struct CrossEntropyOptions {
  float label_smoothing = 0.0F;      ///< in [0, 1): what is shared among all classes. @source arXiv:1512.00567
  std::int64_t ignore_index = -100;  ///< rows with this target count for nothing
  Tensor class_weights = {};         ///< [classes]; undefined: all 1. The loss is then a weighted mean
};

/// The mean over rows of -log softmax(logits)[target]; 0 if every row is ignored.
/// @shape logits: [..., classes]; targets: [...], i32 or i64; result: []
/// @throws ShapeError for a target that is no class
Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options = {});

}  // namespace marquee::tensor::autograd
