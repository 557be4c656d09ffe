#pragma once
// 16-bit floats as files and the KV cache hold them. Not for files compiled for a wider instruction set: an inline
// function shared with generic code must not be emitted there.

#include <bit>
#include <cstdint>

namespace marquee::kernels {

/// IEEE binary16 to f32; exact.
constexpr float f16_to_f32(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16U;
  const std::uint32_t exponent = (half >> 10U) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13U));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23U) | (mantissa << 13U));
}

/// f32 to IEEE binary16, rounding to nearest even; too large becomes infinity, NaN stays NaN.
constexpr std::uint16_t f32_to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16U) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U | ((magnitude >> 13U) & 0x3FFU));
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);
  if (magnitude < 0x33000001U) return sign;  // at most half of the smallest subnormal
  std::uint32_t shift = 13;
  std::uint32_t mantissa = magnitude;
  std::uint32_t bias = 112U << 23U;
  if (magnitude < 0x38800000U) {  // subnormal: the implicit bit becomes explicit and moves right
    const std::uint32_t exponent = magnitude >> 23U;
    shift = 126U - exponent;
    mantissa = (magnitude & 0x7FFFFFU) | 0x800000U;
    bias = 0;
  }
  const std::uint32_t kept = (mantissa - bias) >> shift;
  const std::uint32_t rest = (mantissa - bias) & ((1U << shift) - 1U);
  const std::uint32_t half_way = 1U << (shift - 1U);
  const bool up = rest > half_way || (rest == half_way && (kept & 1U) != 0);
  return static_cast<std::uint16_t>(sign | (kept + (up ? 1U : 0U)));
}

/// bfloat16 to f32; exact.
constexpr float bf16_to_f32(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16U);
}

}  // namespace marquee::kernels
