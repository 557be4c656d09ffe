#include "kernels/blocks.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "kernels/half.h"

namespace marquee::kernels {
namespace {

constexpr DType kQuantizedTypes[] = {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                                     DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

TEST(Dequantize, EqualsTheGgufPackageBitForBit) {
  for (const DType dtype : kQuantizedTypes) {
    const DTypeInfo& info = dtype_info(dtype);
    std::ifstream file(std::string(MARQUEE_SOURCE_DIR "/tests/golden/quants/") + std::string(info.name) + ".bin",
                       std::ios::binary);
    const std::string golden((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::size_t count = 3 * info.block_elements;
    ASSERT_EQ(golden.size(), 3 * info.block_bytes + count * sizeof(float)) << info.name;
    std::vector<float> values(count);
    dequantize(dtype, reinterpret_cast<const std::byte*>(golden.data()), count, values.data());
    std::vector<float> expected(count);
    std::memcpy(expected.data(), golden.data() + 3 * info.block_bytes, count * sizeof(float));
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(values[i], expected[i]) << info.name << " value " << i;
  }
}

TEST(Dequantize, WidensPlainTypes) {
  const float values[] = {1.5F, -2.25F, 65504.0F, 0.0F};
  std::uint16_t halves[4];
  std::uint16_t brains[4];
  for (int i = 0; i < 4; ++i) {
    halves[i] = f32_to_f16(values[i]);
    brains[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(values[i]) >> 16U);
  }
  float out[4];
  dequantize(DType::kF32, reinterpret_cast<const std::byte*>(values), 4, out);
  EXPECT_EQ(std::memcmp(out, values, sizeof(out)), 0);
  dequantize(DType::kF16, reinterpret_cast<const std::byte*>(halves), 4, out);
  EXPECT_EQ(std::memcmp(out, values, sizeof(out)), 0);
  dequantize(DType::kBF16, reinterpret_cast<const std::byte*>(brains), 4, out);
  EXPECT_EQ(out[0], 1.5F);
  EXPECT_EQ(out[1], -2.25F);
  EXPECT_EQ(out[2], bf16_to_f32(brains[2]));
}

TEST(DTypeInfo, KnowsEveryType) {
  for (int i = 0; i <= static_cast<int>(DType::kQ6_K); ++i) {
    const DTypeInfo& info = dtype_info(static_cast<DType>(i));
    EXPECT_FALSE(info.name.empty());
    EXPECT_GT(info.block_elements, 0U);
    EXPECT_GT(info.block_bytes, 0U);
  }
  EXPECT_TRUE(is_weight_dtype(DType::kQ6_K));
  EXPECT_TRUE(is_weight_dtype(DType::kBF16));
  EXPECT_FALSE(is_weight_dtype(DType::kI32));
}

TEST(Half, RoundTripsEveryNumber) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = f16_to_f32(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
    } else {
      ASSERT_EQ(f32_to_f16(value), half);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F), f32_to_f16(1.0F));                // half way: down to even
  EXPECT_EQ(f32_to_f16(1.0F + 3 * 0x1p-11F), f32_to_f16(1.0F + 0x1p-9F));  // half way: up to even
  EXPECT_EQ(f32_to_f16(1.0F + 0x1.1p-11F), f32_to_f16(1.0F + 0x1p-10F));
  EXPECT_EQ(f32_to_f16(65519.0F), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65520.0F), 0x7C00);
  EXPECT_EQ(f32_to_f16(-1e30F), 0xFC00);
  EXPECT_EQ(f32_to_f16(0x1p-25F), 0x0000);  // half of the smallest: down to even
  EXPECT_EQ(f32_to_f16(0x1.8p-25F), 0x0001);
  EXPECT_EQ(f32_to_f16(0x1.8p-24F), 0x0002);    // half way between subnormals: up to even
  EXPECT_EQ(f32_to_f16(0x1.FFFp-15F), 0x0400);  // rounds up into the normal numbers
  EXPECT_EQ(f32_to_f16(-0.0F), 0x8000);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::infinity()), 0x7C00);
}

}  // namespace
}  // namespace marquee::kernels
