#pragma once
// Operations value by value. Two tensors stretch to a common shape (see broadcast()).

#include "kernels/activation.h"
#include "kernels/training.h"
#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

using kernels::Activation;

Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor divide(const Tensor& a, const Tensor& b);
/// Where both are equal, each gets half of the gradient.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
/// y = scale · x + shift
Tensor affine(const Tensor& x, float scale, float shift = 0.0F);

Tensor negate(const Tensor& x);
Tensor absolute(const Tensor& x);  ///< its slope at 0 is 0: a subgradient
Tensor square(const Tensor& x);
Tensor square_root(const Tensor& x);
Tensor exponential(const Tensor& x);
Tensor logarithm(const Tensor& x);
Tensor activate(Activation activation, const Tensor& x);
/// Values below low or above high become those, and have no gradient.
Tensor clamp(const Tensor& x, float low, float high);

/// Each value is 0 with probability p, and otherwise divided by 1 - p. @throws ShapeError unless 0 <= p < 1
/// @source Srivastava et al. 2014
Tensor dropout(const Tensor& x, float p);
/// What dropout() multiplies by; takes random numbers as it does. Not recorded.
Tensor dropout_mask(const Shape& shape, float p);

/// The values as another type: f32 to bf16 rounds to even, and back is exact. The gradient passes through in f32.
Tensor cast(const Tensor& x, DType dtype);

/// op(a, b), not recorded: for backward functions.
Tensor binary_values(kernels::BinaryOp op, const Tensor& a, const Tensor& b);
/// dy · activation'(z), y being activation(z); z may be undefined unless needs_input(activation). Not recorded.
Tensor activation_backward(Activation activation, const Tensor& dy, const Tensor& z, const Tensor& y);
/// x added up over the axes that broadcast() stretched it along. Not recorded.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace marquee::tensor::autograd
