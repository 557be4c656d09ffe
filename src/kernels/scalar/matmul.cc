#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/half.h"
#include "kernels/scalar/scalar.h"

namespace marquee::kernels::scalar {
namespace {

// The quants of one group as [column][16].
void unpack_group(const PanelFormat& format, const std::uint8_t* packed, std::uint8_t* quants) {
  for (std::size_t column = 0; column < format.group; ++column) {
    for (std::size_t row = 0; row < kPanelRows; ++row) {
      const std::size_t lane = row * 4 + column % 4;
      std::uint8_t quant = 0;
      if (format.bits == 8) {
        quant = packed[column / 4 * 64 + lane];
      } else {
        const std::uint8_t pair = packed[column / 8 * 64 + lane];
        quant = column % 8 < 4 ? pair & 15U : pair >> 4U;
      }
      quants[column * kPanelRows + row] = quant;
    }
  }
}

struct GroupScales {
  float scale[kPanelRows];
  float minimum[kPanelRows];
};

GroupScales load_scales(const PanelFormat& format, const std::byte* header) {
  GroupScales scales;
  for (std::size_t row = 0; row < kPanelRows; ++row) {
    scales.scale[row] = panel_scale(format, header, row);
    scales.minimum[row] = format.has_minimum ? panel_scale(format, header, kPanelRows + row)
                                             : -static_cast<float>(format.zero) * scales.scale[row];
  }
  return scales;
}

// Where value k of a row lies in its plane of a tile.
std::size_t place_of(std::size_t k, std::size_t row, std::size_t rows) {
  return (k / kActivationGroup * rows + row) * kActivationGroup + k % kActivationGroup;
}

// Adds one group's products with row `r` of the tile.
void add_group(const MatmulJob& job, const ActivationTile& tile, std::size_t group, std::size_t r,
               const std::uint8_t* quants, const GroupScales& scales, float* sums) {
  const PanelFormat& format = job.format;
  const std::size_t in = job.in;
  std::int32_t dots[kPanelRows] = {};
  for (std::size_t column = 0; column < format.group; ++column) {
    const std::size_t k = group * format.group + column;
    std::int32_t value = 0;
    for (std::size_t plane = 0; plane < tile.planes; ++plane) {
      value = value * 256 + tile.values[plane * in * tile.rows + place_of(k, r, tile.rows)];
    }
    for (std::size_t row = 0; row < kPanelRows; ++row) dots[row] += value * quants[column * kPanelRows + row];
  }
  const float scale = tile.scales[group * format.group / kActivationGroup * tile.rows + r];
  const float sum = (format.group == 32 ? tile.sums32 : tile.sums16)[group * tile.rows + r];
  for (std::size_t row = 0; row < kPanelRows; ++row) {
    sums[row] += scales.scale[row] * scale * static_cast<float>(dots[row]);
    sums[row] += scales.minimum[row] * sum;
  }
}

void store(const MatmulJob& job, std::size_t row, std::size_t panel, const float* sums) {
  const std::size_t first = panel * kPanelRows;
  const std::size_t count = job.out - first < kPanelRows ? job.out - first : kPanelRows;
  std::memcpy(job.y + row * job.y_stride + first, sums, count * sizeof(float));
}

void quantized_tile(const MatmulJob& job, const std::byte* panel, std::size_t panel_index, const ActivationTile& tile) {
  std::uint8_t quants[32 * kPanelRows];
  for (std::size_t r = 0; r < tile.rows; ++r) {
    float sums[kPanelRows] = {};
    for (std::size_t group = 0; group < job.in / job.format.group; ++group) {
      const auto* packed = reinterpret_cast<const std::uint8_t*>(panel + job.format.quants_offset(group));
      unpack_group(job.format, packed, quants);
      const GroupScales scales = load_scales(job.format, panel + job.format.header_offset(group));
      add_group(job, tile, group, r, quants, scales, sums);
    }
    store(job, tile.first_row + r, panel_index, sums);
  }
}

float load_weight(DType dtype, const std::byte* panel, std::size_t index) {
  if (dtype == DType::kF32) {
    float value = 0.0F;
    std::memcpy(&value, panel + index * sizeof(value), sizeof(value));
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, panel + index * sizeof(bits), sizeof(bits));
  return dtype == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

void float_tile(const MatmulJob& job, const std::byte* panel, std::size_t panel_index, const ActivationTile& tile) {
  for (std::size_t r = 0; r < tile.rows; ++r) {
    float sums[kPanelRows] = {};
    for (std::size_t k = 0; k < job.in; ++k) {
      const float value = tile.floats[k * tile.rows + r];
      for (std::size_t row = 0; row < kPanelRows; ++row) {
        sums[row] += value * load_weight(job.format.dtype, panel, k * kPanelRows + row);
      }
    }
    store(job, tile.first_row + r, panel_index, sums);
  }
}

// Compared as integers, so that NaN counts as largest and spreads to the result.
float largest_magnitude(const float* values) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < kActivationGroup; ++i) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & 0x7FFFFFFFU);
  }
  return std::bit_cast<float>(largest);
}

}  // namespace

void quantize_row(const float* x, std::size_t in, const QuantizedRow& out) {
  const auto limit = static_cast<float>(kLargestActivation[out.planes]);
  for (std::size_t group = 0; group < in / kActivationGroup; ++group) {
    const float* values = x + group * kActivationGroup;
    const float largest = largest_magnitude(values);
    const bool zero = largest < kSmallestActivation;
    const float scale = zero ? 0.0F : largest / limit;
    const float inverse = zero ? 0.0F : limit / largest;
    std::int32_t sums[2] = {0, 0};
    for (std::size_t i = 0; i < kActivationGroup; ++i) {
      const float scaled = std::nearbyint(values[i] * inverse);
      const auto value = static_cast<std::int32_t>(scaled >= -limit && scaled <= limit ? scaled : 0.0F);
      std::int8_t* to = out.values + place_of(group * kActivationGroup + i, out.row, out.tile_rows);
      const std::int32_t high = out.planes == 2 ? (value + 128) >> 8 : 0;
      if (out.planes == 2) {
        *to = static_cast<std::int8_t>(high);
        to += in * out.tile_rows;
      }
      *to = static_cast<std::int8_t>(value - 256 * high);
      sums[i / 16] += value;
    }
    out.scales[group * out.tile_rows + out.row] = scale;
    out.sums32[group * out.tile_rows + out.row] = scale * static_cast<float>(sums[0] + sums[1]);
    if (out.sums16 == nullptr) continue;
    out.sums16[(2 * group) * out.tile_rows + out.row] = scale * static_cast<float>(sums[0]);
    out.sums16[(2 * group + 1) * out.tile_rows + out.row] = scale * static_cast<float>(sums[1]);
  }
}

void matmul(const MatmulJob& job) {
  const std::size_t panel_bytes = job.format.panel_bytes(job.in);
  for (std::size_t panel = 0; panel * kPanelRows < job.out; ++panel) {
    for (std::size_t t = 0; t < job.tile_count; ++t) {
      const std::byte* data = job.panels + panel * panel_bytes;
      if (job.format.quantized) {
        quantized_tile(job, data, panel, job.tiles[t]);
      } else {
        float_tile(job, data, panel, job.tiles[t]);
      }
    }
  }
}

}  // namespace marquee::kernels::scalar
