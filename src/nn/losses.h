#pragma once
// Losses as means over their elements. Cross-entropy over classes is tensor::autograd::cross_entropy.

#include "tensor/autograd/tensor.h"

namespace marquee::nn {

using tensor::autograd::Tensor;

/// Of independent yes-or-no questions. @shape logits, targets (0 to 1): the same
/// @param positive_weight of the targets' share, against rare positives
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& targets, float positive_weight = 1.0F);
Tensor mean_squared_error(const Tensor& x, const Tensor& targets);
/// Squared near 0, straight beyond delta. @source Huber 1964
Tensor huber(const Tensor& x, const Tensor& targets, float delta = 1.0F);
/// max(0, 1 - t x). @shape targets: -1 or 1
Tensor hinge(const Tensor& x, const Tensor& targets);
/// max(0, |a - p| - |a - n| + margin). @shape all: [rows, dim]
Tensor triplet(const Tensor& anchor, const Tensor& positive, const Tensor& negative, float margin = 1.0F);
/// The cosine of the angle between rows. @shape a, b: [rows, dim]; result: [rows]
Tensor cosine_similarity(const Tensor& a, const Tensor& b, float epsilon = 1e-8F);
/// 1 - cosine for rows that belong together (target 1), max(0, cosine - margin) for others (-1).
/// @shape a, b: [rows, dim]; targets: [rows]
Tensor cosine_embedding(const Tensor& a, const Tensor& b, const Tensor& targets, float margin = 0.0F);

}  // namespace marquee::nn
