#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "kernels/blocks.h"
#include "kernels/half.h"
#include "kernels/isa_test.h"

namespace marquee::kernels {
namespace {

constexpr DType kWeightTypes[] = {DType::kF32,  DType::kF16,  DType::kBF16, DType::kQ4_0, DType::kQ4_1,
                                  DType::kQ5_0, DType::kQ5_1, DType::kQ8_0, DType::kQ2_K, DType::kQ3_K,
                                  DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

constexpr std::size_t kPlanes[] = {1, 2};

struct FreeDeleter {
  void operator()(std::byte* memory) const { std::free(memory); }
};
using AlignedBytes = std::unique_ptr<std::byte, FreeDeleter>;

/// Panels of random quants and sane scales, made directly in the packed form.
struct Panels {
  PanelFormat format;
  std::size_t in;
  std::size_t out;
  AlignedBytes bytes;

  Panels(DType dtype, std::size_t in_, std::size_t out_) : format(panel_format(dtype)), in(in_), out(out_) {
    const std::size_t panels = (out + kPanelRows - 1) / kPanelRows;
    const std::size_t size = panels * format.panel_bytes(in);
    bytes.reset(static_cast<std::byte*>(std::aligned_alloc(64, size)));
    std::mt19937 random(3);
    for (std::size_t i = 0; i < size; ++i) bytes.get()[i] = static_cast<std::byte>(random() & 0xFFU);
    for (std::size_t panel = 0; panel < panels; ++panel) {
      std::byte* start = bytes.get() + panel * format.panel_bytes(in);
      format.quantized ? fill_headers(start, random) : fill_floats(start, random);
    }
  }

  static void put(std::byte* to, float value, bool half) {
    const std::uint16_t bits = f32_to_f16(value);
    std::memcpy(to, half ? static_cast<const void*>(&bits) : &value, half ? 2 : 4);
  }
  void fill_headers(std::byte* panel, std::mt19937& random) const {
    std::normal_distribution<float> normal(0.0F, 0.02F);
    const std::size_t numbers = kPanelRows * (format.has_minimum ? 2 : 1);
    for (std::size_t group = 0; group < in / format.group; ++group) {
      for (std::size_t i = 0; i < numbers; ++i) {
        put(panel + format.header_offset(group) + i * (format.scale_is_f16 ? 2 : 4), normal(random),
            format.scale_is_f16);
      }
    }
  }
  void fill_floats(std::byte* panel, std::mt19937& random) const {
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < in * kPanelRows; ++i) {
      const float value = normal(random);
      if (format.dtype == DType::kBF16) {
        std::memcpy(panel + i * 2, reinterpret_cast<const std::byte*>(&value) + 2, 2);
      } else {
        put(panel + i * dtype_info(format.dtype).block_bytes, value, format.dtype == DType::kF16);
      }
    }
  }
};

/// One tile of activations in a table's form, every array one element off its natural alignment.
struct Tile {
  std::vector<std::int8_t> values;
  std::vector<float> scales, sums32, sums16, floats;
  ActivationTile tile;

  Tile(const Kernels& kernels, const std::vector<float>& x, std::size_t first, std::size_t rows, std::size_t in,
       std::size_t planes)
      : values(planes * rows * in + 1),
        scales(rows * in / 32 + 1),
        sums32(rows * in / 32 + 1),
        sums16(rows * in / 16 + 2),
        floats(rows * in + 1) {
    for (std::size_t r = 0; r < rows; ++r) {
      const float* row = x.data() + (first + r) * in;
      if (in % 32 == 0) {
        kernels.quantize_row(
            row, in, {r, rows, planes, values.data() + 1, scales.data() + 1, sums32.data() + 1, sums16.data() + 1});
      }
      for (std::size_t k = 0; k < in; ++k) floats[1 + k * rows + r] = row[k];
    }
    tile = {first,
            rows,
            planes,
            values.data() + 1,
            scales.data() + 1,
            sums32.data() + 1,
            sums16.data() + 1,
            floats.data() + 1};
  }
};

std::vector<float> product(const Kernels& kernels, const Panels& panels, const std::vector<float>& x, std::size_t rows,
                           std::size_t height, std::size_t planes) {
  std::vector<Tile> tiles;
  tiles.reserve(rows);
  std::vector<ActivationTile> views;
  for (std::size_t first = 0; first < rows; first += height) {
    tiles.emplace_back(kernels, x, first, std::min(height, rows - first), panels.in, planes);
    views.push_back(tiles.back().tile);
  }
  const std::size_t stride = panels.out + 3;
  std::vector<float> y(rows * stride, -5.0F);
  kernels.matmul(
      {panels.format, panels.in, panels.bytes.get(), panels.out, views.data(), views.size(), y.data(), stride});
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = panels.out; i < stride; ++i) EXPECT_EQ(y[row * stride + i], -5.0F) << "written past the row";
  }
  return y;
}

class Matmul : public IsaTest {};

TEST_P(Matmul, AgreesWithTheScalarTwin) {
  for (const DType dtype : kWeightTypes) {
    const bool quantized = panel_format(dtype).quantized;
    for (const std::size_t in : {32U, 96U, 544U, 33U, 7U}) {
      if (quantized && in % 32 != 0) continue;
      for (const std::size_t out : {1U, 15U, 16U, 45U}) {
        const Panels panels(dtype, in, out);
        const Misaligned input(9 * in, 0, 4);
        const std::vector<float> x(input.data(), input.data() + 9 * in);
        for (const std::size_t planes : kPlanes) {
          const auto expected = product(scalar(), panels, x, 9, 3, planes);
          const auto actual = product(wide(), panels, x, 9, wide().max_tile_rows, planes);
          for (std::size_t i = 0; i < expected.size(); ++i) {
            ASSERT_NEAR(actual[i], expected[i], 2e-4F + 1e-5F * std::fabs(expected[i]))
                << dtype_info(dtype).name << " planes " << planes << " in " << in << " out " << out << " at " << i;
          }
        }
      }
    }
  }
}

TEST_P(Matmul, GivesTheSameBitsForEveryHeightOfTile) {
  for (const DType dtype : kWeightTypes) {
    const Panels panels(dtype, 288, 40);
    const Misaligned input(13 * 288, 0, 4);
    const std::vector<float> x(input.data(), input.data() + 13 * 288);
    for (const std::size_t planes : kPlanes) {
      const auto one_by_one = product(wide(), panels, x, 13, 1, planes);
      for (std::size_t height = 2; height <= wide().max_tile_rows; ++height) {
        const auto together = product(wide(), panels, x, 13, height, planes);
        ASSERT_EQ(std::memcmp(together.data(), one_by_one.data(), together.size() * sizeof(float)), 0)
            << dtype_info(dtype).name << " planes " << planes << " height " << height;
      }
    }
  }
}

// The largest quants and activations at once: sums of 16-bit pairs must not saturate.
TEST_P(Matmul, SurvivesTheLargestValues) {
  for (const DType dtype : kWeightTypes) {
    Panels panels(dtype, 64, 16);
    if (!panels.format.quantized) continue;
    for (std::size_t group = 0; group < 64 / panels.format.group; ++group) {
      std::memset(panels.bytes.get() + panels.format.quants_offset(group), 0xFF, panels.format.quant_bytes());
    }
    std::vector<float> x(2 * 64, 3.0F);
    for (std::size_t i = 64; i < 128; ++i) x[i] = -3.0F;
    for (const std::size_t planes : kPlanes) {
      const auto expected = product(scalar(), panels, x, 2, 2, planes);
      const auto actual = product(wide(), panels, x, 2, 2, planes);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(actual[i], expected[i], 1e-5F * std::fabs(expected[i]) + 1e-4F)
            << dtype_info(dtype).name << " planes " << planes;
      }
    }
  }
}

TEST_P(Matmul, QuantizesActivationsToTheSameBits) {
  const std::size_t in = 32 * 11;
  Misaligned x(in, 3, 8);
  for (std::size_t i = 0; i < 32; ++i) x[i] = 0.0F;
  for (std::size_t i = 32; i < 64; ++i) x[i] = 1e-38F;  // too small to scale: counts as zero
  for (std::size_t i = 64; i < 96; ++i) x[i] = static_cast<float>(i % 2 == 0 ? i : -i);
  x[64] = 127.0F;
  for (std::size_t i = 65; i < 96; ++i) x[i] = static_cast<float>(i) - 80.5F;  // half way: to even
  for (std::size_t i = 96; i < 128; ++i) x[i] = 1e30F;
  const std::size_t rows = 3;
  const auto run = [&](const Kernels& kernels, std::size_t planes) {
    std::vector<std::int8_t> values(planes * rows * in, 99);
    std::vector<float> numbers(rows * (in / 32) * 4, -1.0F);
    const std::size_t groups = rows * in / 32;
    kernels.quantize_row(
        x.data(), in,
        {1, rows, planes, values.data(), numbers.data(), numbers.data() + groups, numbers.data() + 2 * groups});
    return std::pair(values, numbers);
  };
  for (const std::size_t planes : kPlanes) EXPECT_EQ(run(wide(), planes), run(scalar(), planes)) << planes;
  const auto expected = run(scalar(), 1);
  EXPECT_EQ(expected.first[0], 99);  // row 0 of the tile is not touched
  EXPECT_EQ(expected.first[(64 / 32 * rows + 1) * 32], 127);
  EXPECT_EQ(expected.first[(64 / 32 * rows + 1) * 32 + 1], -16);  // -15.5 to even
  const auto both = run(scalar(), 2);
  const std::size_t at = (64 / 32 * rows + 1) * 32;
  EXPECT_EQ(both.first[0], 99);
  EXPECT_EQ(both.first[rows * in], 99);
  EXPECT_EQ(256 * both.first[at] + both.first[rows * in + at], 32639);
  EXPECT_EQ(256 * both.first[at + 1] + both.first[rows * in + at + 1], -3984);  // -15.5 · 257 = -3983.5 to even
}

TEST_P(Matmul, PassesNotANumberOn) {
  const Panels panels(DType::kQ4_1, 64, 16);
  std::vector<float> x(64, 1.0F);
  x[40] = std::numeric_limits<float>::quiet_NaN();
  for (const std::size_t planes : kPlanes) {
    const auto y = product(wide(), panels, x, 1, 1, planes);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_TRUE(std::isnan(y[i]));
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, Matmul, testing::ValuesIn(kIsas), isa_name);

// Packing is tested end to end (pack, multiply, compare with dequantised rows) in tensor/linear_test.cc; here, the one
// thing that it cannot see: padding.
TEST(PackPanel, LeavesMissingRowsZero) {
  for (const DType dtype : kWeightTypes) {
    const DTypeInfo& info = dtype_info(dtype);
    const std::size_t in = 256;
    const PanelFormat format = panel_format(dtype);
    const std::vector<std::byte> stored(in / info.block_elements * info.block_bytes, std::byte{0x5A});
    const AlignedBytes panel(static_cast<std::byte*>(std::aligned_alloc(64, format.panel_bytes(in))));
    pack_panel(format, {stored.data(), stored.size(), 1, in}, panel.get());
    std::vector<std::byte> zeros(1000000);
    if (!format.quantized) {
      for (std::size_t k = 0; k < in; ++k) {
        EXPECT_EQ(
            std::memcmp(panel.get() + (k * kPanelRows + 1) * info.block_bytes, zeros.data(), 15 * info.block_bytes), 0);
      }
      continue;
    }
    for (std::size_t group = 0; group < in / format.group; ++group) {
      const std::byte* header = panel.get() + format.header_offset(group);
      const std::size_t number = format.scale_is_f16 ? 2 : 4;
      EXPECT_EQ(std::memcmp(header + number, zeros.data(), 15 * number), 0) << info.name;
      EXPECT_EQ(std::memcmp(panel.get() + format.quants_offset(group) + 4, zeros.data(), 60), 0) << info.name;
    }
  }
}

}  // namespace
}  // namespace marquee::kernels
