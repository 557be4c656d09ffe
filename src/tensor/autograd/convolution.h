#pragma once
// Convolutions over images with channels last. Weights are laid out as PyTorch lays them out. By oneDNN, which picks
// layouts of its own for weights; images stay as they are.

#include <array>

#include "kernels/activation.h"
#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

/// Along height and width; 1-D operations use the second.
using Extent2 = std::array<std::int64_t, 2>;

struct ConvolutionOptions {
  Extent2 stride = {1, 1};
  Extent2 padding = {0, 0};  ///< zeros on either side
  Extent2 dilation = {1, 1};
  std::int64_t groups = 1;
};

/// @shape x: [batch, height, width, in]; weight: [out, in / groups, kernel height, kernel width]; bias: [out] or
///        undefined; result: [batch, (height + 2 padding - dilation (kernel - 1) - 1) / stride + 1, ..., out]
/// @throws ShapeError
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvolutionOptions& options = {},
              kernels::Activation activation = kernels::Activation::kIdentity);
/// @shape x: [batch, length, in]; weight: [out, in / groups, kernel]; result: [batch, ..., out]
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvolutionOptions& options = {},
              kernels::Activation activation = kernels::Activation::kIdentity);

/// What a convolution's backward pass does to its images: a learned way to grow them.
/// @shape x: [batch, height, width, in]; weight: [in, out / groups, kernel height, kernel width]; result: [batch,
///        (height - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1, ..., out]
/// @param output_padding in [0, stride): which of the sizes that a strided convolution takes to this one
/// @throws ShapeError
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvolutionOptions& options = {}, Extent2 output_padding = {0, 0});

}  // namespace marquee::tensor::autograd
