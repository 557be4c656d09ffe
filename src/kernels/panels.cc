#include "kernels/panels.h"

#include <cstring>

#include "kernels/blocks.h"
#include "kernels/half.h"

namespace marquee::kernels {
namespace {

void store_scale(const PanelFormat& format, float value, std::byte* header, std::size_t index) {
  if (format.scale_is_f16) {
    const std::uint16_t half = f32_to_f16(value);
    std::memcpy(header + index * sizeof(half), &half, sizeof(half));
  } else {
    std::memcpy(header + index * sizeof(value), &value, sizeof(value));
  }
}

std::uint32_t load_four(const std::uint8_t* quants) {
  std::uint32_t four = 0;
  std::memcpy(&four, quants, sizeof(four));
  return four;
}

// Puts one row's group of quants in its place among the 16 rows, four columns at a time: starting a server is mostly
// this.
void store_quants(const PanelFormat& format, const std::uint8_t* quants, std::size_t row, std::byte* group) {
  const std::size_t columns = format.bits == 8 ? 4 : 8;
  std::byte* place = group + row * 4;
  for (std::size_t column = 0; column < format.group; column += columns, place += kPanelRows * 4) {
    std::uint32_t four = load_four(quants + column);
    if (format.bits == 4) four |= load_four(quants + column + 4) << 4U;  // no nibble has a bit above its fourth
    std::memcpy(place, &four, sizeof(four));
  }
}

void pack_quantized(const PanelFormat& format, const PanelSource& source, std::byte* panel) {
  const DTypeInfo& info = dtype_info(format.dtype);
  const std::size_t groups_per_block = info.block_elements / format.group;
  DecodedBlock block;
  for (std::size_t row = 0; row < source.rows; ++row) {
    const std::byte* stored = source.first_row + row * source.row_bytes;
    std::size_t group = 0;
    for (std::size_t column = 0; column < source.in; column += info.block_elements, stored += info.block_bytes) {
      decode_block(format.dtype, stored, block);
      for (std::size_t i = 0; i < groups_per_block; ++i, ++group) {
        std::byte* header = panel + format.header_offset(group);
        store_scale(format, block.scales[i], header, row);
        if (format.has_minimum) store_scale(format, block.minima[i], header, kPanelRows + row);
        store_quants(format, block.quants.data() + i * format.group, row, panel + format.quants_offset(group));
      }
    }
  }
}

void pack_float(const PanelFormat& format, const PanelSource& source, std::byte* panel) {
  const std::size_t size = dtype_info(format.dtype).block_bytes;
  for (std::size_t row = 0; row < source.rows; ++row) {
    const std::byte* stored = source.first_row + row * source.row_bytes;
    for (std::size_t column = 0; column < source.in; ++column) {
      std::memcpy(panel + (column * kPanelRows + row) * size, stored + column * size, size);
    }
  }
}

void unpack_quantized(const PanelFormat& format, const std::byte* panel, std::size_t row, std::size_t in, float* out) {
  const std::size_t columns = format.bits == 8 ? 4 : 8;  // in one 64-byte line
  for (std::size_t group = 0; group < in / format.group; ++group) {
    const std::byte* header = panel + format.header_offset(group);
    const auto* quants = reinterpret_cast<const std::uint8_t*>(panel + format.quants_offset(group)) + row * 4;
    const float scale = panel_scale(format, header, row);
    const float minimum = format.has_minimum ? panel_scale(format, header, kPanelRows + row) : 0.0F;
    for (std::size_t i = 0; i < format.group; ++i) {
      std::uint8_t quant = quants[i / columns * kPanelRows * 4 + i % 4];
      if (format.bits == 4) quant = i % 8 < 4 ? quant & 15U : quant >> 4U;
      const float value = scale * static_cast<float>(quant - format.zero);
      *out++ = format.has_minimum ? value + minimum : value;
    }
  }
}

}  // namespace

std::size_t PanelFormat::header_bytes() const {
  return kPanelRows * (scale_is_f16 ? 2U : 4U) * (has_minimum ? 2U : 1U);
}

std::size_t PanelFormat::quant_bytes() const { return kPanelRows * group * bits / 8; }

std::size_t PanelFormat::groups_per_record() const { return header_bytes() < 64 ? 2 : 1; }

std::size_t PanelFormat::header_offset(std::size_t index) const {
  const std::size_t per_record = groups_per_record();
  return index / per_record * per_record * (header_bytes() + quant_bytes()) + index % per_record * header_bytes();
}

std::size_t PanelFormat::quants_offset(std::size_t index) const {
  const std::size_t per_record = groups_per_record();
  return (index / per_record + 1) * per_record * header_bytes() + index * quant_bytes();
}

std::size_t PanelFormat::panel_bytes(std::size_t in) const {
  if (!quantized) return (in * kPanelRows * dtype_info(dtype).block_bytes + 63) / 64 * 64;
  return in == 0 ? 0 : quants_offset(in / group - 1) + quant_bytes();
}

PanelFormat panel_format(DType dtype) {
  PanelFormat format;
  format.dtype = dtype;
  if (const BlockFormat* block = block_format(dtype)) {
    format.quantized = true;
    format.bits = block->bits;
    format.zero = block->zero;
    format.has_minimum = block->has_minimum;
    format.scale_is_f16 = block->scale_is_f16;
    format.group = block->group;
  }
  return format;
}

float panel_scale(const PanelFormat& format, const std::byte* header, std::size_t index) {
  if (format.scale_is_f16) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, header + index * sizeof(bits), sizeof(bits));
    return f16_to_f32(bits);
  }
  float value = 0.0F;
  std::memcpy(&value, header + index * sizeof(value), sizeof(value));
  return value;
}

void unpack_row(const PanelFormat& format, const std::byte* panel, std::size_t row, std::size_t in, float* out) {
  if (format.quantized) return unpack_quantized(format, panel, row, in, out);
  const std::size_t size = dtype_info(format.dtype).block_bytes;
  for (std::size_t column = 0; column < in; ++column) {
    dequantize(format.dtype, panel + (column * kPanelRows + row) * size, 1, out + column);
  }
}

void pack_panel(const PanelFormat& format, const PanelSource& source, std::byte* panel) {
  std::memset(panel, 0, format.panel_bytes(source.in));
  if (format.quantized) {
    pack_quantized(format, source, panel);
  } else {
    pack_float(format, source, panel);
  }
}

}  // namespace marquee::kernels
