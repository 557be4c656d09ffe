#pragma once

#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

/// Of all elements. @shape result: []
Tensor sum(const Tensor& x);
Tensor mean(const Tensor& x);
/// Along one axis, which is left out of the result. @param axis negative ones count from the last
Tensor sum(const Tensor& x, std::int64_t axis);
Tensor mean(const Tensor& x, std::int64_t axis);
/// The largest along an axis; the gradient goes to the first of equals. @throws ShapeError if the axis is empty
Tensor largest(const Tensor& x, std::int64_t axis);
/// Where it is. @return i32
Tensor index_of_largest(const Tensor& x, std::int64_t axis);

/// Sums along an axis, which stays with extent 1. Not recorded: for backward functions.
Tensor sum_values(const Tensor& x, std::int64_t axis);

}  // namespace marquee::tensor::autograd
