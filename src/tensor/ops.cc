#include "tensor/ops.h"

#include <string>

#include "kernels/blocks.h"
#include "kernels/kernels.h"
#include "tensor/packed_weight_impl.h"
#include "tensor/shape_check.h"

namespace marquee::tensor {

base::Result<void> rms_norm(ConstMatrix x, ConstVector gamma, float epsilon, Matrix y, float gamma_offset) {
  MARQUEE_CHECK(check_same_shape("rms_norm", x, y));
  MARQUEE_CHECK(check_extent("rms_norm", "gamma's length", gamma.size(), x.cols));
  const auto& kernels = kernels::kernels();
  for (std::size_t r = 0; r < x.rows; ++r) {
    kernels.rms_norm({.x = x.row(r),
                      .gamma = gamma.data(),
                      .count = x.cols,
                      .epsilon = epsilon,
                      .gamma_offset = gamma_offset,
                      .y = y.row(r)});
  }
  return {};
}

base::Result<void> layer_norm(ConstMatrix x, ConstVector gamma, ConstVector beta, float epsilon, Matrix y) {
  MARQUEE_CHECK(check_same_shape("layer_norm", x, y));
  MARQUEE_CHECK(check_extent("layer_norm", "gamma's length", gamma.size(), x.cols));
  if (!beta.empty()) MARQUEE_CHECK(check_extent("layer_norm", "beta's length", beta.size(), x.cols));
  const auto& kernels = kernels::kernels();
  for (std::size_t r = 0; r < x.rows; ++r) {
    kernels.layer_norm({.x = x.row(r),
                        .gamma = gamma.data(),
                        .beta = beta.empty() ? nullptr : beta.data(),
                        .count = x.cols,
                        .epsilon = epsilon,
                        .y = y.row(r)});
  }
  return {};
}

base::Result<void> gated_activation(Activation activation, ConstMatrix gate, ConstMatrix up, Matrix y) {
  MARQUEE_CHECK(check_same_shape("gated_activation", gate, up));
  MARQUEE_CHECK(check_same_shape("gated_activation", gate, y));
  const auto& kernels = kernels::kernels();
  for (std::size_t r = 0; r < gate.rows; ++r) {
    kernels.gated_activation(activation, gate.row(r), up.row(r), gate.cols, y.row(r));
  }
  return {};
}

void activate(Activation activation, Matrix x) {
  for (std::size_t r = 0; r < x.rows; ++r) kernels::kernels().activate(activation, x.row(r), x.cols);
}

base::Result<void> add(ConstMatrix x, Matrix y) {
  MARQUEE_CHECK(check_same_shape("add", x, y));
  for (std::size_t r = 0; r < x.rows; ++r) kernels::kernels().add(x.row(r), x.cols, y.row(r));
  return {};
}

base::Result<void> multiply(ConstMatrix x, Matrix y) {
  MARQUEE_CHECK(check_same_shape("multiply", x, y));
  for (std::size_t r = 0; r < x.rows; ++r) kernels::kernels().multiply(x.row(r), x.cols, y.row(r));
  return {};
}

void soft_cap(float cap, Matrix x) {
  for (std::size_t r = 0; r < x.rows; ++r) kernels::kernels().soft_cap(cap, x.row(r), x.cols);
}

void softmax(std::span<float> row) {
  if (!row.empty()) kernels::kernels().softmax(row.data(), row.size());
}

base::Result<void> dequantize_row(const StoredTensor& matrix, std::int64_t index, std::span<float> out) {
  const kernels::DTypeInfo& info = kernels::dtype_info(matrix.dtype);
  if (!kernels::is_weight_dtype(matrix.dtype)) {
    return base::unsupported("'" + matrix.name + "' has type " + std::string(info.name) +
                             ", whose rows cannot be read as floats");
  }
  if (matrix.shape.size() != 2) return base::invalid_argument("'" + matrix.name + "' is not a matrix");
  if (index < 0 || index >= matrix.shape[0]) {
    return base::invalid_argument("row " + std::to_string(index) + " of '" + matrix.name + "', which has " +
                                  std::to_string(matrix.shape[0]));
  }
  const auto columns = static_cast<std::size_t>(matrix.shape[1]);
  MARQUEE_CHECK(check_extent("dequantize_row", "the result's length", out.size(), columns));
  if (columns % info.block_elements != 0) {
    return base::invalid_argument("rows of '" + matrix.name + "' are not whole " + std::string(info.name) + " blocks");
  }
  const std::size_t row_bytes = columns / info.block_elements * info.block_bytes;
  const std::size_t offset = static_cast<std::size_t>(index) * row_bytes;
  if (offset + row_bytes > matrix.bytes.size()) {
    return base::invalid_argument("'" + matrix.name + "' is shorter than its shape says");
  }
  kernels::dequantize(matrix.dtype, matrix.bytes.data() + offset, columns, out.data());
  return {};
}

base::Result<void> dequantize_row(const PackedWeight& matrix, std::int64_t index, std::span<float> out) {
  const PackedWeight::Impl& weight = matrix.impl();
  MARQUEE_CHECK(check_extent("dequantize_row", "the result's length", out.size(), weight.in));
  for (const PackedWeight::Impl::Part& part : weight.parts) {
    const std::int64_t row = index - static_cast<std::int64_t>(part.out_begin);
    if (row < 0 || row >= static_cast<std::int64_t>(part.out)) continue;
    const auto at = static_cast<std::size_t>(row);
    const std::byte* panel = part.panels.data() + at / kernels::kPanelRows * part.format.panel_bytes(weight.in);
    kernels::unpack_row(part.format, panel, at % kernels::kPanelRows, weight.in, out.data());
    return {};
  }
  return base::invalid_argument("row " + std::to_string(index) + " of a matrix that has " + std::to_string(weight.out));
}

}  // namespace marquee::tensor
