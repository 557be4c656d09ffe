#include "tensor/quantize_weight.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tensor/ops.h"
#include "tensor/random_floats_test.h"

namespace marquee::tensor {
namespace {

StoredTensor stored(const std::vector<float>& values, std::int64_t rows, std::int64_t in) {
  return {"w", kernels::DType::kF32, {rows, in}, std::as_bytes(std::span(values))};
}

TEST(QuantizeWeight, RoundsToHalfAStepOfItsBlock) {
  base::ThreadPool pool(2);
  std::vector<float> values = random_floats(5 * 96, 3);
  std::fill(values.begin() + 32, values.begin() + 64, 0.0F);  // a block of zeros
  values[70] = 40.0F;                                         // one that makes its block's steps wide
  const auto made = quantize_weight(stored(values, 5, 96), pool);
  ASSERT_TRUE(made) << made.error().message;
  std::vector<float> back(96);
  for (std::size_t row = 0; row < 5; ++row) {
    ASSERT_TRUE(dequantize_row(made->stored, static_cast<std::int64_t>(row), back));
    for (std::size_t begin = 0; begin < 96; begin += 32) {
      float largest = 0.0F;
      for (std::size_t i = begin; i < begin + 32; ++i) largest = std::max(largest, std::abs(values[row * 96 + i]));
      for (std::size_t i = begin; i < begin + 32; ++i) {
        // Half a step, and what the scale itself loses as binary16.
        EXPECT_LE(std::abs(back[i] - values[row * 96 + i]), largest * (0.5F / 127.0F + 0x1p-11F)) << row << " " << i;
      }
    }
  }
}

TEST(QuantizeWeight, RefusesWhatHasNoBlocks) {
  base::ThreadPool pool(1);
  std::vector<float> values(66, 1.0F);
  EXPECT_EQ(quantize_weight(stored(values, 2, 33), pool).error().code, base::ErrorCode::kInvalidArgument);
  values.assign(64, 1.0F);
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf(""), 1e30F}) {
    values[40] = bad;
    EXPECT_EQ(quantize_weight(stored(values, 2, 32), pool).error().code, base::ErrorCode::kCorrupt) << bad;
  }
}

}  // namespace
}  // namespace marquee::tensor
