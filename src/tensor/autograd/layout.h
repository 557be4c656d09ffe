#pragma once
// Operations that move values.

#include <span>
#include <vector>

#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

/// Axis i of the result is axis order[i] of x. @throws ShapeError unless order names every axis once
Tensor permute(const Tensor& x, std::span<const std::size_t> order);
/// The last two axes change places.
Tensor transpose(const Tensor& x);
/// One after another along an axis; all other extents agree. @throws ShapeError
Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis);
/// Indices [begin, begin + count) of an axis. @throws ShapeError if there are not as many
Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t begin, std::int64_t count);
/// All of an axis in parts of so many indices. The way back writes each part's gradient into its place once, where as
/// many slices would each make a whole tensor of zeros. @throws ShapeError unless the counts add up to the axis
std::vector<Tensor> split(const Tensor& x, std::int64_t axis, std::span<const std::int64_t> counts);

/// Rows of a table: y[i...] = table[indices[i...]].
/// @shape table: [rows, width], f32 or bf16; indices: any, i32 or i64; result: indices' with width behind
/// @param padding rows of this index get no gradient; -1: there are none
/// @throws ShapeError for an index outside the table
Tensor embedding(const Tensor& table, const Tensor& indices, std::int64_t padding = -1);

/// y[.., i, ..] = x[.., index[.., i, ..], ..] along an axis. @shape index, result: as x but for that axis
/// @throws ShapeError for an index outside x
Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index);
/// y = x, and y[.., index[.., i, ..], ..] += source[.., i, ..]. @shape index, source: as x but for that axis
Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source);

}  // namespace marquee::tensor::autograd
