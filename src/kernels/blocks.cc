#include "kernels/blocks.h"

#include <cstring>

#include "kernels/half.h"

namespace marquee::kernels {
namespace {

template <typename Block>
Block read(const std::byte* source) {
  Block block;
  std::memcpy(&block, source, sizeof(Block));
  return block;
}

// Element i of the first half is nibble i's low bits, of the second half its high bits.
void split_nibbles(const std::uint8_t* nibbles, std::size_t half, std::uint8_t* quants) {
  for (std::size_t i = 0; i < half; ++i) {
    quants[i] = nibbles[i] & 15U;
    quants[i + half] = nibbles[i] >> 4U;
  }
}

void add_fifth_bits(const std::uint8_t* high_bits, std::uint8_t* quants) {
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned bit = (high_bits[i / 8] >> (i % 8)) & 1U;
    quants[i] = static_cast<std::uint8_t>(quants[i] | (bit << 4U));
  }
}

void decode_q4_0(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ4_0>(source);
  out.scales[0] = f16_to_f32(block.scale);
  split_nibbles(block.nibbles, 16, out.quants.data());
}

void decode_q4_1(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ4_1>(source);
  out.scales[0] = f16_to_f32(block.scale);
  out.minima[0] = f16_to_f32(block.minimum);
  split_nibbles(block.nibbles, 16, out.quants.data());
}

void decode_q5_0(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ5_0>(source);
  out.scales[0] = f16_to_f32(block.scale);
  split_nibbles(block.nibbles, 16, out.quants.data());
  add_fifth_bits(block.high_bits, out.quants.data());
}

void decode_q5_1(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ5_1>(source);
  out.scales[0] = f16_to_f32(block.scale);
  out.minima[0] = f16_to_f32(block.minimum);
  split_nibbles(block.nibbles, 16, out.quants.data());
  add_fifth_bits(block.high_bits, out.quants.data());
}

void decode_q8_0(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ8_0>(source);
  out.scales[0] = f16_to_f32(block.scale);
  for (std::size_t i = 0; i < 32; ++i) out.quants[i] = static_cast<std::uint8_t>(block.values[i] + 128);
}

void decode_q2_k(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ2_K>(source);
  const float scale = f16_to_f32(block.scale);
  const float minimum = f16_to_f32(block.minimum);
  for (std::size_t group = 0; group < 16; ++group) {
    out.scales[group] = scale * static_cast<float>(block.scales[group] & 15U);
    out.minima[group] = -(minimum * static_cast<float>(block.scales[group] >> 4U));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t shift = 2 * ((i / 32) % 4);
    out.quants[i] = (block.crumbs[i / 128 * 32 + i % 32] >> shift) & 3U;
  }
}

void decode_q3_k(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ3_K>(source);
  const float scale = f16_to_f32(block.scale);
  for (std::size_t group = 0; group < 16; ++group) {
    const unsigned low = group < 8 ? block.scales[group] & 15U : block.scales[group - 8] >> 4U;
    const unsigned high = (block.scales[8 + group % 4] >> (2 * (group / 4))) & 3U;
    out.scales[group] = scale * static_cast<float>(static_cast<int>(low | (high << 4U)) - 32);
  }
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t shift = 2 * ((i / 32) % 4);
    const unsigned low = (block.crumbs[i / 128 * 32 + i % 32] >> shift) & 3U;
    const unsigned high = (block.high_bits[i % 32] >> (i / 32)) & 1U;
    out.quants[i] = static_cast<std::uint8_t>(low | (high << 2U));
  }
}

// Q4_K and Q5_K: eight 6-bit scales and eight 6-bit minima in 12 bytes.
void decode_k_scales(std::uint16_t scale_bits, std::uint16_t minimum_bits, const std::uint8_t* packed,
                     DecodedBlock& out) {
  const float scale = f16_to_f32(scale_bits);
  const float minimum = f16_to_f32(minimum_bits);
  for (std::size_t group = 0; group < 8; ++group) {
    unsigned group_scale = packed[group] & 63U;
    unsigned group_minimum = packed[group + 4] & 63U;
    if (group >= 4) {
      group_scale = (packed[group + 4] & 15U) | ((packed[group - 4] >> 6U) << 4U);
      group_minimum = (packed[group + 4] >> 4U) | ((packed[group] >> 6U) << 4U);
    }
    out.scales[group] = scale * static_cast<float>(group_scale);
    out.minima[group] = -(minimum * static_cast<float>(group_minimum));
  }
}

void decode_q4_k(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ4_K>(source);
  decode_k_scales(block.scale, block.minimum, block.scales, out);
  for (std::size_t part = 0; part < 4; ++part) {
    split_nibbles(block.nibbles + part * 32, 32, out.quants.data() + part * 64);
  }
}

void decode_q5_k(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ5_K>(source);
  decode_k_scales(block.scale, block.minimum, block.scales, out);
  for (std::size_t part = 0; part < 4; ++part) {
    split_nibbles(block.nibbles + part * 32, 32, out.quants.data() + part * 64);
  }
  for (std::size_t i = 0; i < 256; ++i) {
    const unsigned bit = (block.high_bits[i % 32] >> (i / 32)) & 1U;
    out.quants[i] = static_cast<std::uint8_t>(out.quants[i] | (bit << 4U));
  }
}

void decode_q6_k(const std::byte* source, DecodedBlock& out) {
  const auto block = read<BlockQ6_K>(source);
  const float scale = f16_to_f32(block.scale);
  for (std::size_t group = 0; group < 16; ++group) out.scales[group] = scale * static_cast<float>(block.scales[group]);
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint8_t* nibbles = block.nibbles + half * 64;
    const std::uint8_t* crumbs = block.crumbs + half * 32;
    std::uint8_t* quants = out.quants.data() + half * 128;
    for (std::size_t i = 0; i < 32; ++i) {
      quants[i] = static_cast<std::uint8_t>((nibbles[i] & 15U) | ((crumbs[i] & 3U) << 4U));
      quants[i + 32] = static_cast<std::uint8_t>((nibbles[i + 32] & 15U) | (((crumbs[i] >> 2U) & 3U) << 4U));
      quants[i + 64] = static_cast<std::uint8_t>((nibbles[i] >> 4U) | (((crumbs[i] >> 4U) & 3U) << 4U));
      quants[i + 96] = static_cast<std::uint8_t>((nibbles[i + 32] >> 4U) | ((crumbs[i] >> 6U) << 4U));
    }
  }
}

void dequantize_blocks(DType dtype, const BlockFormat& format, const std::byte* source, std::size_t count, float* out) {
  const DTypeInfo& info = dtype_info(dtype);
  DecodedBlock block;
  for (std::size_t done = 0; done < count; done += info.block_elements, source += info.block_bytes) {
    decode_block(dtype, source, block);
    for (std::size_t i = 0; i < info.block_elements; ++i) {
      const std::size_t group = i / format.group;
      const float value = block.scales[group] * static_cast<float>(block.quants[i] - format.zero);
      out[done + i] = format.has_minimum ? value + block.minima[group] : value;
    }
  }
}

}  // namespace

const BlockFormat* block_format(DType dtype) {
  static constexpr BlockFormat kQ4_0{32, 8, false, true, 4}, kQ4_1{32, 0, true, true, 4};
  static constexpr BlockFormat kQ5_0{32, 16, false, true, 8}, kQ5_1{32, 0, true, true, 8};
  static constexpr BlockFormat kQ8_0{32, 128, false, true, 8};
  static constexpr BlockFormat kQ2_K{16, 0, true, false, 4}, kQ3_K{16, 4, false, false, 4};
  static constexpr BlockFormat kQ4_K{32, 0, true, false, 4}, kQ5_K{32, 0, true, false, 8};
  static constexpr BlockFormat kQ6_K{16, 32, false, false, 8};
  switch (dtype) {
    case DType::kQ4_0: return &kQ4_0;
    case DType::kQ4_1: return &kQ4_1;
    case DType::kQ5_0: return &kQ5_0;
    case DType::kQ5_1: return &kQ5_1;
    case DType::kQ8_0: return &kQ8_0;
    case DType::kQ2_K: return &kQ2_K;
    case DType::kQ3_K: return &kQ3_K;
    case DType::kQ4_K: return &kQ4_K;
    case DType::kQ5_K: return &kQ5_K;
    case DType::kQ6_K: return &kQ6_K;
    default: return nullptr;
  }
}

void decode_block(DType dtype, const std::byte* block, DecodedBlock& decoded) {
  switch (dtype) {
    case DType::kQ4_0: return decode_q4_0(block, decoded);
    case DType::kQ4_1: return decode_q4_1(block, decoded);
    case DType::kQ5_0: return decode_q5_0(block, decoded);
    case DType::kQ5_1: return decode_q5_1(block, decoded);
    case DType::kQ8_0: return decode_q8_0(block, decoded);
    case DType::kQ2_K: return decode_q2_k(block, decoded);
    case DType::kQ3_K: return decode_q3_k(block, decoded);
    case DType::kQ4_K: return decode_q4_k(block, decoded);
    case DType::kQ5_K: return decode_q5_k(block, decoded);
    case DType::kQ6_K: return decode_q6_k(block, decoded);
    default: return;  // not a quantised type: nothing to decode
  }
}

void dequantize(DType dtype, const std::byte* source, std::size_t count, float* out) {
  if (const BlockFormat* format = block_format(dtype)) return dequantize_blocks(dtype, *format, source, count, out);
  if (dtype == DType::kF32) {
    std::memcpy(out, source, count * sizeof(float));
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, source + i * sizeof(bits), sizeof(bits));
    out[i] = dtype == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
  }
}

bool is_weight_dtype(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 || block_format(dtype) != nullptr;
}

}  // namespace marquee::kernels
