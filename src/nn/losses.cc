#include "nn/losses.h"

#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/reduce.h"

namespace marquee::nn {

using namespace tensor::autograd;  // NOLINT: this file is made of these operations

namespace {

Tensor value(float x) { return Tensor::full({}, x); }
Tensor at_least_zero(const Tensor& x) { return activate(Activation::kRelu, x); }

/// √Σ (a - b + ε)² of each row.
Tensor distance(const Tensor& a, const Tensor& b) {
  return square_root(sum(square(affine(subtract(a, b), 1.0F, 1e-6F)), -1));
}

}  // namespace

// With w the weight of positives and l = 1 + (w - 1) t: (1 - t) x + l (log(1 + e^-|x|) + max(-x, 0)).
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& targets, float positive_weight) {
  const Tensor soft = logarithm(affine(exponential(negate(absolute(logits))), 1.0F, 1.0F));
  const Tensor below = add(soft, at_least_zero(negate(logits)));
  const Tensor weight = affine(targets, positive_weight - 1.0F, 1.0F);
  return mean(add(multiply(affine(targets, -1.0F, 1.0F), logits), multiply(weight, below)));
}

Tensor mean_squared_error(const Tensor& x, const Tensor& targets) { return mean(square(subtract(x, targets))); }

// With d the distance and c = min(d, δ): c (d - c / 2).
Tensor huber(const Tensor& x, const Tensor& targets, float delta) {
  const Tensor distance = absolute(subtract(x, targets));
  const Tensor near = minimum(distance, value(delta));
  return mean(multiply(near, subtract(distance, affine(near, 0.5F))));
}

Tensor hinge(const Tensor& x, const Tensor& targets) {
  return mean(at_least_zero(affine(multiply(x, targets), -1.0F, 1.0F)));
}

Tensor triplet(const Tensor& anchor, const Tensor& positive, const Tensor& negative, float margin) {
  return mean(at_least_zero(affine(subtract(distance(anchor, positive), distance(anchor, negative)), 1.0F, margin)));
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b, float epsilon) {
  const Tensor lengths = multiply(sum(square(a), -1), sum(square(b), -1));
  return divide(sum(multiply(a, b), -1), square_root(maximum(lengths, value(epsilon * epsilon))));
}

Tensor cosine_embedding(const Tensor& a, const Tensor& b, const Tensor& targets, float margin) {
  const Tensor cosine = cosine_similarity(a, b);
  const Tensor together = multiply(affine(targets, 0.5F, 0.5F), affine(cosine, -1.0F, 1.0F));
  const Tensor apart = multiply(affine(targets, -0.5F, 0.5F), at_least_zero(affine(cosine, 1.0F, -margin)));
  return mean(add(together, apart));
}

}  // namespace marquee::nn
