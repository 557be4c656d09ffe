#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "kernels/blocks.h"
#include "kernels/half.h"
#include "tensor/ops.h"
#include "tensor/random_floats_test.h"

namespace marquee::tensor {
namespace {

using kernels::DType;

constexpr DType kWeightTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ4_0, DType::kQ4_1,
                                  DType::kQ5_0, DType::kQ5_1, DType::kQ8_0, DType::kQ2_K, DType::kQ3_K,
                                  DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

// Where each quantised block keeps its binary16 numbers; random bytes elsewhere are all valid.
std::vector<std::size_t> half_offsets(DType dtype) {
  switch (dtype) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K: return {0, 2};
    case DType::kQ2_K: return {80, 82};
    case DType::kQ3_K: return {108};
    case DType::kQ6_K: return {208};
    default: return {0};
  }
}

/// A stored matrix of random values that owns its bytes.
struct RandomWeight {
  std::vector<std::byte> bytes;
  StoredTensor tensor;

  RandomWeight(DType dtype, std::size_t out, std::size_t in, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
    const auto& info = kernels::dtype_info(dtype);
    const std::size_t blocks = out * in / info.block_elements;
    bytes.resize(blocks * info.block_bytes);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random() & 0xFFU);
    for (std::size_t block = 0; block < blocks; ++block) {
      std::byte* start = bytes.data() + block * info.block_bytes;
      const float value = uniform(random);
      if (dtype == DType::kF32) {
        std::memcpy(start, &value, 4);
        continue;
      }
      if (dtype == DType::kBF16) {
        const auto bits = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16U);
        std::memcpy(start, &bits, 2);
        continue;
      }
      for (const std::size_t offset : half_offsets(dtype)) {
        const float number = dtype == DType::kF16 ? value : uniform(random) * 0.02F;
        const std::uint16_t bits = kernels::f32_to_f16(number);
        std::memcpy(start + offset, &bits, 2);
      }
    }
    tensor.name = std::string(info.name) + " weight";
    tensor.dtype = dtype;
    tensor.shape = {static_cast<std::int64_t>(out), static_cast<std::int64_t>(in)};
    tensor.bytes = bytes;
  }

  [[nodiscard]] std::vector<float> row(std::size_t index) const {
    std::vector<float> values(static_cast<std::size_t>(tensor.shape[1]));
    EXPECT_TRUE(dequantize_row(tensor, static_cast<std::int64_t>(index), values));
    return values;
  }
};

// What rounded activations stand for: the exact input of a quantised product.
std::vector<double> as_quantized(const float* row, std::size_t count, ActivationType type = ActivationType::kInt8) {
  const float most = type == ActivationType::kInt8 ? 127.0F : 32639.0F;
  std::vector<double> values(count);
  for (std::size_t group = 0; group < count; group += 32) {
    float largest = 0.0F;
    for (std::size_t i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(row[group + i]));
    for (std::size_t i = 0; i < 32; ++i) {
      const float scaled = largest > 0.0F ? std::nearbyint(row[group + i] * (most / largest)) : 0.0F;
      values[group + i] = static_cast<double>(scaled) * static_cast<double>(largest / most);
    }
  }
  return values;
}

void expect_product(ConstMatrix x, const RandomWeight& weight, ConstMatrix y, ActivationType activations) {
  const bool quantized = kernels::block_format(weight.tensor.dtype) != nullptr;
  for (std::size_t out = 0; out < static_cast<std::size_t>(weight.tensor.shape[0]); ++out) {
    const std::vector<float> w = weight.row(out);
    for (std::size_t row = 0; row < x.rows; ++row) {
      const std::vector<double> input = quantized ? as_quantized(x.row(row), x.cols, activations)
                                                  : std::vector<double>(x.row(row), x.row(row) + x.cols);
      double sum = 0.0;
      double magnitude = 0.0;
      for (std::size_t k = 0; k < x.cols; ++k) {
        sum += input[k] * w[k];
        magnitude += std::fabs(input[k] * w[k]);
      }
      ASSERT_NEAR(y.row(row)[out], sum, 3e-6 * magnitude + 1e-7)
          << weight.tensor.name << " row " << row << " column " << out;
    }
  }
}

TEST(Linear, MatchesADoublePrecisionProductForEveryType) {
  base::ThreadPool pool(2);
  for (const DType dtype : kWeightTypes) {
    for (const std::size_t out : {1U, 16U, 37U}) {
      for (const std::size_t rows : {1U, 3U, 14U}) {
        const std::size_t in = kernels::dtype_info(dtype).block_elements == 1 ? 45 : 256;
        const RandomWeight weight(dtype, out, in, 7);
        auto packed = PackedWeight::pack({&weight.tensor, 1}, pool);
        ASSERT_TRUE(packed) << packed.error().message;
        const std::vector<float> input = random_floats(rows * in, 3);
        for (const auto activations : {ActivationType::kInt8, ActivationType::kInt16}) {
          ComputeContext context{pool, activations};
          std::vector<float> output(rows * out, NAN);
          const Matrix y(output.data(), rows, out);
          ASSERT_TRUE(linear(context, {input.data(), rows, in}, *packed, {}, y));
          expect_product({input.data(), rows, in}, weight, y, activations);
        }
      }
    }
  }
}

TEST(Linear, StacksPartsOfDifferentTypesAndAddsTheBias) {
  base::ThreadPool pool(2);
  ComputeContext context{pool};
  const std::size_t in = 256;
  const RandomWeight parts[] = {{DType::kQ4_K, 20, in, 1}, {DType::kF16, 7, in, 2}, {DType::kQ6_K, 33, in, 3}};
  const StoredTensor stored[] = {parts[0].tensor, parts[1].tensor, parts[2].tensor};
  auto packed = PackedWeight::pack(stored, pool);
  ASSERT_TRUE(packed);
  ASSERT_EQ(packed->out_features(), 60U);
  ASSERT_EQ(packed->in_features(), in);
  const std::vector<float> input = random_floats(5 * in, 4);
  const std::vector<float> bias = random_floats(60, 5);
  std::vector<float> output(5 * 64, -7.0F);
  const Matrix y(output.data(), 5, 60, 64);
  ASSERT_TRUE(linear(context, {input.data(), 5, in}, *packed, bias, y));
  for (std::size_t row = 0; row < 5; ++row) {
    for (std::size_t column = 0; column < 60; ++column) y.row(row)[column] -= bias[column];
    for (std::size_t column = 60; column < 64; ++column) EXPECT_EQ(output[row * 64 + column], -7.0F);
  }
  const ConstMatrix x(input.data(), 5, in);
  for (const auto& [index, begin] : {std::pair{0, 0U}, {1, 20U}, {2, 27U}}) {
    std::vector<float> shifted(5 * 60);
    for (std::size_t i = 0; i < shifted.size(); ++i) shifted[i] = y.row(i / 60)[i % 60];
    for (std::size_t out = 0; out < static_cast<std::size_t>(parts[index].tensor.shape[0]); ++out) {
      const auto w = parts[index].row(out);
      const bool quantized = kernels::block_format(parts[index].tensor.dtype) != nullptr;
      for (std::size_t row = 0; row < 5; ++row) {
        const auto values = quantized ? as_quantized(x.row(row), in) : std::vector<double>(x.row(row), x.row(row) + in);
        double sum = 0.0;
        for (std::size_t k = 0; k < in; ++k) sum += values[k] * w[k];
        ASSERT_NEAR(shifted[row * 60 + begin + out], sum, 2e-4 + 1e-5 * std::fabs(sum));
      }
    }
  }
}

// The promise that the whole server rests on: a row's bits do not depend on its company.
TEST(Linear, ARowHasTheSameBitsAloneInABatchAndOnMoreThreads) {
  for (const DType dtype : kWeightTypes) {
    const std::size_t in = 512;
    const std::size_t out = 100;
    base::ThreadPool one(1);
    base::ThreadPool three(3);
    const RandomWeight weight(dtype, out, in, 11);
    auto packed = PackedWeight::pack({&weight.tensor, 1}, one);
    ASSERT_TRUE(packed);
    const std::vector<float> input = random_floats(160 * in, 12);
    std::vector<float> alone(160 * out);
    for (std::size_t row = 0; row < 160; ++row) {
      ComputeContext context{one};
      ASSERT_TRUE(linear(context, {input.data() + row * in, 1, in}, *packed, {}, {alone.data() + row * out, 1, out}));
    }
    for (std::size_t rows = 2; rows <= 160; rows += rows < 40 ? 1 : 30) {
      for (base::ThreadPool* pool : {&one, &three}) {
        ComputeContext context{*pool};
        std::vector<float> together(rows * out);
        ASSERT_TRUE(linear(context, {input.data(), rows, in}, *packed, {}, {together.data(), rows, out}));
        ASSERT_EQ(std::memcmp(together.data(), alone.data(), together.size() * sizeof(float)), 0)
            << kernels::dtype_info(dtype).name << " rows " << rows << " threads " << pool->size();
      }
    }
  }
}

TEST(Linear, NamesTheExtentsThatDisagree) {
  base::ThreadPool pool(1);
  ComputeContext context{pool};
  const RandomWeight weight(DType::kQ8_0, 8, 64, 1);
  auto packed = PackedWeight::pack({&weight.tensor, 1}, pool);
  ASSERT_TRUE(packed);
  std::vector<float> x(2 * 96);
  std::vector<float> y(2 * 16);
  const auto wrong_in = linear(context, {x.data(), 2, 96}, *packed, {}, {y.data(), 2, 8});
  ASSERT_FALSE(wrong_in);
  EXPECT_EQ(wrong_in.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_NE(wrong_in.error().message.find("x's column count is 96, not 64"), std::string::npos);
  EXPECT_FALSE(linear(context, {x.data(), 2, 64}, *packed, {}, {y.data(), 1, 8}));
  EXPECT_FALSE(linear(context, {x.data(), 2, 64}, *packed, {}, {y.data(), 2, 9}));
  EXPECT_FALSE(linear(context, {x.data(), 2, 64}, *packed, ConstVector(x.data(), 7), {y.data(), 2, 8}));
  EXPECT_TRUE(linear(context, {x.data(), 0, 64}, *packed, {}, {y.data(), 0, 8}));
}

TEST(PackedWeight, GivesTheRowsOfTheStoredMatrixBack) {
  base::ThreadPool pool(2);
  for (const DType dtype : kWeightTypes) {
    const std::size_t in = kernels::dtype_info(dtype).block_elements == 1 ? 45 : 768;
    const RandomWeight parts[] = {{dtype, 37, in, 5}, {DType::kF16, 3, in, 6}};
    const StoredTensor stored[] = {parts[0].tensor, parts[1].tensor};
    auto packed = PackedWeight::pack(stored, pool);
    ASSERT_TRUE(packed);
    std::vector<float> row(in);
    for (std::size_t index = 0; index < 40; ++index) {
      ASSERT_TRUE(dequantize_row(*packed, static_cast<std::int64_t>(index), row));
      const std::vector<float> expected = index < 37 ? parts[0].row(index) : parts[1].row(index - 37);
      ASSERT_EQ(std::memcmp(row.data(), expected.data(), in * sizeof(float)), 0)
          << parts[0].tensor.name << " row " << index;
    }
    EXPECT_FALSE(dequantize_row(*packed, 40, row));
    EXPECT_FALSE(dequantize_row(*packed, -1, row));
    EXPECT_FALSE(dequantize_row(*packed, 0, std::span<float>(row).first(in - 1)));
  }
}

TEST(PackedWeight, RefusesWhatIsNotAMatrixOfAKnownType) {
  base::ThreadPool pool(1);
  const std::vector<std::byte> bytes(4096);
  const auto pack = [&](StoredTensor tensor) { return PackedWeight::pack({&tensor, 1}, pool); };
  const auto integers = pack({"ids", DType::kI32, {4, 4}, {bytes.data(), 64}});
  ASSERT_FALSE(integers);
  EXPECT_EQ(integers.error().code, base::ErrorCode::kUnsupported);
  EXPECT_NE(integers.error().message.find("I32"), std::string::npos);
  EXPECT_FALSE(pack({"vector", DType::kF32, {16}, {bytes.data(), 64}}));
  EXPECT_FALSE(pack({"partial block", DType::kQ4_0, {2, 40}, {bytes.data(), 45}}));
  EXPECT_FALSE(pack({"short", DType::kF32, {4, 8}, {bytes.data(), 127}}));
  EXPECT_FALSE(pack({"empty", DType::kF32, {0, 8}, {bytes.data(), 0}}));
  EXPECT_FALSE(pack({"huge", DType::kF32, {std::int64_t{1} << 62, 4}, {bytes.data(), 0}}));
  EXPECT_FALSE(PackedWeight::pack({}, pool));
  const StoredTensor uneven[] = {{"a", DType::kF32, {2, 4}, {bytes.data(), 32}},
                                 {"b", DType::kF32, {2, 8}, {bytes.data(), 64}}};
  EXPECT_FALSE(PackedWeight::pack(uneven, pool));
}

TEST(DequantizeRow, RefusesRowsThatAreNotThere) {
  const RandomWeight weight(DType::kQ4_1, 3, 64, 1);
  std::vector<float> row(64);
  EXPECT_TRUE(dequantize_row(weight.tensor, 2, row));
  EXPECT_FALSE(dequantize_row(weight.tensor, 3, row));
  EXPECT_FALSE(dequantize_row(weight.tensor, -1, row));
  EXPECT_FALSE(dequantize_row(weight.tensor, 0, std::span<float>(row).first(63)));
  StoredTensor cut = weight.tensor;
  cut.bytes = cut.bytes.first(cut.bytes.size() - 1);
  EXPECT_FALSE(dequantize_row(cut, 2, row));
}

}  // namespace
}  // namespace marquee::tensor
