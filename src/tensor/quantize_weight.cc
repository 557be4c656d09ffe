#include "tensor/quantize_weight.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>

#include "base/first_error.h"
#include "kernels/blocks.h"
#include "kernels/half.h"
#include "tensor/ops.h"

namespace marquee::tensor {
namespace {

using kernels::BlockQ8_0;

constexpr std::size_t kBlock = 32;
constexpr float kLargestQuant = 127.0F;
constexpr float kLargestScale = 65504.0F;  // of binary16

base::Result<void> quantize_row(std::span<const float> row, const std::string& name, std::byte* to) {
  for (std::size_t begin = 0; begin < row.size(); begin += kBlock, to += sizeof(BlockQ8_0)) {
    const auto values = row.subspan(begin, kBlock);
    float largest = 0.0F;
    for (const float value : values) {
      if (!std::isfinite(value)) return base::corrupt("tensor '" + name + "' holds a value that is not finite");
      largest = std::max(largest, std::abs(value));
    }
    if (largest / kLargestQuant > kLargestScale) {
      return base::corrupt("tensor '" + name + "' holds values too large for int8 blocks; load it as f32");
    }
    BlockQ8_0 block;
    block.scale = kernels::f32_to_f16(largest / kLargestQuant);
    const float scale = kernels::f16_to_f32(block.scale);
    const float inverse = scale > 0.0F ? 1.0F / scale : 0.0F;
    for (std::size_t i = 0; i < kBlock; ++i) {
      block.values[i] =
          static_cast<std::int8_t>(std::clamp(std::nearbyint(values[i] * inverse), -kLargestQuant, kLargestQuant));
    }
    std::memcpy(to, &block, sizeof(block));
  }
  return {};
}

}  // namespace

bool can_quantize(std::int64_t in) { return in > 0 && static_cast<std::size_t>(in) % kBlock == 0; }

base::Result<QuantizedMatrix> quantize_weight(const StoredTensor& matrix, base::ThreadPool& pool) {
  if (matrix.shape.size() != 2 || matrix.shape[0] < 1 || !can_quantize(matrix.shape[1])) {
    return base::invalid_argument("weight '" + matrix.name + "' is no matrix whose rows are whole blocks of " +
                                  std::to_string(kBlock));
  }
  const auto rows = static_cast<std::size_t>(matrix.shape[0]);
  const auto in = static_cast<std::size_t>(matrix.shape[1]);
  const std::size_t row_bytes = in / kBlock * sizeof(BlockQ8_0);
  QuantizedMatrix made{matrix, std::vector<std::byte>(rows * row_bytes)};
  base::FirstError failure;
  pool.parallel_for(rows, [&](std::size_t row) {
    thread_local std::vector<float> values;
    values.resize(in);
    if (auto read = dequantize_row(matrix, static_cast<std::int64_t>(row), values); !read) {
      return failure.note(std::move(read));
    }
    failure.note(quantize_row(values, matrix.name, made.bytes.data() + row * row_bytes));
  });
  MARQUEE_CHECK(failure.take());
  made.stored.dtype = kernels::DType::kQ8_0;
  made.stored.bytes = made.bytes;
  return made;
}

}  // namespace marquee::tensor
