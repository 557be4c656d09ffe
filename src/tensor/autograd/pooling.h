#pragma once

#include "tensor/autograd/convolution.h"

namespace marquee::tensor::autograd {

struct PoolingOptions {
  Extent2 kernel = {2, 2};
  Extent2 stride = {2, 2};
  Extent2 padding = {0, 0};  ///< at most half of the kernel
};

/// The largest of each channel in a window; the gradient goes to the first of equals. Padding never wins.
/// @shape x: [batch, height, width, channels]; result: [batch, (height + 2 padding - kernel) / stride + 1, ...,
/// channels]
/// @throws ShapeError
Tensor max_pool2d(const Tensor& x, const PoolingOptions& options = {});
/// The mean of each channel in a window, padding counted as zeros.
Tensor average_pool2d(const Tensor& x, const PoolingOptions& options = {});
/// The mean of each channel over the whole image. @shape result: [batch, channels]
Tensor global_average_pool(const Tensor& x);

}  // namespace marquee::tensor::autograd
