#pragma once

#include "kernels/activation.h"
#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

struct Transposed {
  bool a = false;
  bool b = false;
};

/// a b of the last two axes; the axes before them are equal, or one of the two has none.
/// @shape a: [..., m, k], or [..., k, m] if transposed; b: [..., k, n], or [..., n, k]; result: [..., m, n]
/// @throws ShapeError
Tensor matmul(const Tensor& a, const Tensor& b, Transposed transposed = {});

/// y = activation(x Wᵀ + b), in one pass over y after the product.
/// @shape x: [..., in]; weight: [out, in]; bias: [out] or undefined; y: [..., out]
/// @throws ShapeError
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
              kernels::Activation activation = kernels::Activation::kIdentity);

}  // namespace marquee::tensor::autograd
