#pragma once
// Sixteen f32 lanes as four NEON registers. The names are those that simd/*-inl.h use.

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#define MARQUEE_INLINE inline __attribute__((always_inline))

namespace marquee::kernels::neon {
namespace {

struct Vec {
  float32x4_t part[4];
};

/// {f(0), f(1), f(2), f(3)}
template <typename Function>
MARQUEE_INLINE Vec parts(Function f) {
  return {{f(0), f(1), f(2), f(3)}};
}

MARQUEE_INLINE Vec set(float value) {
  return parts([&](int) { return vdupq_n_f32(value); });
}
MARQUEE_INLINE Vec zero() { return set(0.0F); }
MARQUEE_INLINE Vec load(const float* from) {
  return parts([&](int i) { return vld1q_f32(from + 4 * i); });
}
MARQUEE_INLINE void store(float* to, Vec x) {
  for (int i = 0; i < 4; ++i) vst1q_f32(to + 4 * i, x.part[i]);
}
MARQUEE_INLINE Vec load(const std::uint16_t* halves) {
  return parts([&](int i) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(halves + 4 * i))); });
}
MARQUEE_INLINE void store(std::uint16_t* halves, Vec x) {
  for (int i = 0; i < 4; ++i) vst1_u16(halves + 4 * i, vreinterpret_u16_f16(vcvt_f16_f32(x.part[i])));
}
MARQUEE_INLINE Vec load(const std::int8_t* values) {
  const int8x16_t bytes = vld1q_s8(values);
  const int16x8_t low = vmovl_s8(vget_low_s8(bytes));
  const int16x8_t high = vmovl_s8(vget_high_s8(bytes));
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
           vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)))}};
}
/// The first `count` lanes; zeros behind them.
template <typename Element>
MARQUEE_INLINE Vec load_part(const Element* from, std::size_t count) {
  Element whole[16] = {};
  for (std::size_t i = 0; i < count; ++i) whole[i] = from[i];
  return load(whole);
}
template <typename Element>
MARQUEE_INLINE void store_part(Element* to, Vec x, std::size_t count) {
  Element whole[16];
  store(whole, x);
  for (std::size_t i = 0; i < count; ++i) to[i] = whole[i];
}
MARQUEE_INLINE Vec load_bf16(const std::uint16_t* values) {
  return parts([&](int i) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(values + 4 * i), 16)); });
}

MARQUEE_INLINE Vec add(Vec a, Vec b) {
  return parts([&](int i) { return vaddq_f32(a.part[i], b.part[i]); });
}
MARQUEE_INLINE Vec sub(Vec a, Vec b) {
  return parts([&](int i) { return vsubq_f32(a.part[i], b.part[i]); });
}
MARQUEE_INLINE Vec mul(Vec a, Vec b) {
  return parts([&](int i) { return vmulq_f32(a.part[i], b.part[i]); });
}
MARQUEE_INLINE Vec div(Vec a, Vec b) {
  return parts([&](int i) { return vdivq_f32(a.part[i], b.part[i]); });
}
MARQUEE_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return parts([&](int i) { return vfmaq_f32(c.part[i], a.part[i], b.part[i]); });
}
MARQUEE_INLINE Vec max(Vec a, Vec b) {  // NaN in either: NaN
  return parts([&](int i) { return vmaxq_f32(a.part[i], b.part[i]); });
}
MARQUEE_INLINE Vec min(Vec a, Vec b) {
  return parts([&](int i) { return vminq_f32(a.part[i], b.part[i]); });
}
MARQUEE_INLINE Vec magnitude(Vec x) {
  return parts([&](int i) { return vabsq_f32(x.part[i]); });
}
MARQUEE_INLINE Vec with_sign_of(Vec x, Vec sign) {
  const uint32x4_t bit = vdupq_n_u32(0x80000000U);
  return parts([&](int i) { return vbslq_f32(bit, sign.part[i], x.part[i]); });
}
MARQUEE_INLINE Vec square_root(Vec x) {
  return parts([&](int i) { return vsqrtq_f32(x.part[i]); });
}
MARQUEE_INLINE Vec round_to_even(Vec x) {
  return parts([&](int i) { return vrndnq_f32(x.part[i]); });
}
// x · 2^exponent for whole exponents in [-252, 252]: in two steps, as one may leave the range of normal numbers.
MARQUEE_INLINE float32x4_t power_of_two(int32x4_t exponent) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(exponent, vdupq_n_s32(127)), 23));
}
MARQUEE_INLINE float32x4_t scale_part(float32x4_t x, float32x4_t exponent) {
  const int32x4_t whole = vcvtq_s32_f32(exponent);
  const int32x4_t first = vshrq_n_s32(whole, 1);
  return vmulq_f32(vmulq_f32(x, power_of_two(first)), power_of_two(vsubq_s32(whole, first)));
}
MARQUEE_INLINE Vec times_power_of_two(Vec x, Vec exponent) {
  return parts([&](int i) { return scale_part(x.part[i], exponent.part[i]); });
}
/// a < b ? x : y, lane by lane.
MARQUEE_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  return parts([&](int i) { return vbslq_f32(vcltq_f32(a.part[i], b.part[i]), x.part[i], y.part[i]); });
}
/// x in lanes [begin, end), y elsewhere; 0 <= begin, end <= 16.
MARQUEE_INLINE Vec select_range(Vec x, Vec y, std::int32_t begin, std::int32_t end) {
  constexpr std::int32_t kLanes[4] = {0, 1, 2, 3};
  const int32x4_t lanes = vld1q_s32(kLanes);
  return parts([&](int i) {
    const int32x4_t lane = vaddq_s32(lanes, vdupq_n_s32(4 * i));
    const uint32x4_t inside = vandq_u32(vcgeq_s32(lane, vdupq_n_s32(begin)), vcltq_s32(lane, vdupq_n_s32(end)));
    return vbslq_f32(inside, x.part[i], y.part[i]);
  });
}
MARQUEE_INLINE float first_lane(Vec x) { return vgetq_lane_f32(x.part[0], 0); }
MARQUEE_INLINE float sum_of_lanes(Vec x) {
  return vaddvq_f32(vaddq_f32(vaddq_f32(x.part[0], x.part[2]), vaddq_f32(x.part[1], x.part[3])));
}
MARQUEE_INLINE float largest_lane(Vec x) {
  return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.part[0], x.part[2]), vmaxq_f32(x.part[1], x.part[3])));
}

// Attention, within 32 registers: queries that share loaded keys, and fours of registers of values per pass.
constexpr std::size_t kQueryTile = 2;
constexpr std::size_t kValueVectors = 2;
constexpr std::size_t kValueVectorsOfFew = 2;
// Rows of a tile of activations: 4 × four sums of products leave room for quants and values.
constexpr std::size_t kMaxTileRows = 4;

}  // namespace
}  // namespace marquee::kernels::neon
