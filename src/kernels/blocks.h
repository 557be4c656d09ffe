#pragma once
// The block layouts in which GGUF files hold quantised weights, and their decoding.
// @source the GGUF specification and ggml's block structures (facts: field order and bit positions)

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace marquee::kernels {

// Scales are IEEE binary16 bits. Blocks of 32: value = scale · (u - zero) [+ minimum].
struct BlockQ4_0 {
  std::uint16_t scale;
  std::uint8_t nibbles[16];
};  // zero 8
struct BlockQ4_1 {
  std::uint16_t scale, minimum;
  std::uint8_t nibbles[16];
};
struct BlockQ5_0 {
  std::uint16_t scale;
  std::uint8_t high_bits[4];
  std::uint8_t nibbles[16];
};  // zero 16
struct BlockQ5_1 {
  std::uint16_t scale, minimum;
  std::uint8_t high_bits[4];
  std::uint8_t nibbles[16];
};
struct BlockQ8_0 {
  std::uint16_t scale;
  std::int8_t values[32];
};
// Blocks of 256 whose groups' integer scales multiply a shared binary16 scale.
struct BlockQ2_K {
  std::uint8_t scales[16];
  std::uint8_t crumbs[64];
  std::uint16_t scale, minimum;
};
struct BlockQ3_K {
  std::uint8_t high_bits[32];
  std::uint8_t crumbs[64];
  std::uint8_t scales[12];
  std::uint16_t scale;
};
struct BlockQ4_K {
  std::uint16_t scale, minimum;
  std::uint8_t scales[12];
  std::uint8_t nibbles[128];
};
struct BlockQ5_K {
  std::uint16_t scale, minimum;
  std::uint8_t scales[12];
  std::uint8_t high_bits[32];
  std::uint8_t nibbles[128];
};
struct BlockQ6_K {
  std::uint8_t nibbles[128];
  std::uint8_t crumbs[64];
  std::int8_t scales[16];
  std::uint16_t scale;
};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22);
static_assert(sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34 && sizeof(BlockQ2_K) == 84);
static_assert(sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176);
static_assert(sizeof(BlockQ6_K) == 210);

/// How the values of a quantised type come about: value = scale · (u - zero) + minimum, per group.
struct BlockFormat {
  std::size_t group;  ///< values that share a scale: 16 or 32
  std::uint8_t zero;  ///< the u that means 0, for types without a minimum
  bool has_minimum;
  bool scale_is_f16;  ///< the group's scale (and minimum) is exact as binary16
  std::uint8_t bits;  ///< that u needs, rounded up to 4 or 8
};

/// @return null for types that are not quantised
const BlockFormat* block_format(DType dtype);

/// One block, decoded. Types with blocks of 32 fill the first 32 quants.
struct DecodedBlock {
  std::array<std::uint8_t, 256> quants;  ///< u
  std::array<float, 16> scales;          ///< one per group
  std::array<float, 16> minima;          ///< one per group; of types without a minimum, unspecified
};

/// Decodes one block of a quantised type. `block` needs no alignment.
void decode_block(DType dtype, const std::byte* block, DecodedBlock& decoded);

/// Decodes `count` consecutive values: a whole number of blocks of dtype, one of F32, F16, BF16 or the quantised types.
void dequantize(DType dtype, const std::byte* source, std::size_t count, float* out);

/// @return whether dequantize() and the matrix kernels know the type
bool is_weight_dtype(DType dtype);

}  // namespace marquee::kernels
