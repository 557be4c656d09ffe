#pragma once
// Sixteen f32 lanes as two AVX2 registers. The names are those that simd/*-inl.h use.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define MARQUEE_INLINE inline __attribute__((always_inline))

namespace marquee::kernels::avx2 {
namespace {

struct Vec {
  __m256 low;
  __m256 high;
};

// Eight lanes of all ones followed by eight of zeros: a window into it is a mask of the first lanes.
alignas(64) constexpr std::int32_t kMaskWindow[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

MARQUEE_INLINE __m256i first_lanes(std::size_t count) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMaskWindow + 8 - count));
}
MARQUEE_INLINE std::size_t low_count(std::size_t count) { return count < 8 ? count : 8; }
MARQUEE_INLINE std::size_t high_count(std::size_t count) { return count < 8 ? 0 : count - 8; }

MARQUEE_INLINE Vec zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
MARQUEE_INLINE Vec set(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
MARQUEE_INLINE Vec load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
MARQUEE_INLINE Vec load_part(const float* from, std::size_t count) {
  return {_mm256_maskload_ps(from, first_lanes(low_count(count))),
          _mm256_maskload_ps(from + 8, first_lanes(high_count(count)))};
}
MARQUEE_INLINE void store(float* to, Vec x) {
  _mm256_storeu_ps(to, x.low);
  _mm256_storeu_ps(to + 8, x.high);
}
MARQUEE_INLINE void store_part(float* to, Vec x, std::size_t count) {
  _mm256_maskstore_ps(to, first_lanes(low_count(count)), x.low);
  _mm256_maskstore_ps(to + 8, first_lanes(high_count(count)), x.high);
}
MARQUEE_INLINE Vec load(const std::uint16_t* halves) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + 8)))};
}
MARQUEE_INLINE Vec load_part(const std::uint16_t* halves, std::size_t count) {
  std::uint16_t whole[16] = {};
  for (std::size_t i = 0; i < count; ++i) whole[i] = halves[i];
  return load(whole);
}
MARQUEE_INLINE __m256 eight_values(const std::int8_t* values) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values))));
}
MARQUEE_INLINE Vec load(const std::int8_t* values) { return {eight_values(values), eight_values(values + 8)}; }
MARQUEE_INLINE Vec load_part(const std::int8_t* values, std::size_t count) {
  std::int8_t whole[16] = {};
  for (std::size_t i = 0; i < count; ++i) whole[i] = values[i];
  return load(whole);
}
MARQUEE_INLINE void store(std::uint16_t* halves, Vec x) {
  constexpr int kRounding = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(halves), _mm256_cvtps_ph(x.low, kRounding));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(halves + 8), _mm256_cvtps_ph(x.high, kRounding));
}
MARQUEE_INLINE void store_part(std::uint16_t* halves, Vec x, std::size_t count) {
  std::uint16_t whole[16];
  store(whole, x);
  for (std::size_t i = 0; i < count; ++i) halves[i] = whole[i];
}
MARQUEE_INLINE __m256 widen_bf16(const std::uint16_t* values) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
MARQUEE_INLINE Vec load_bf16(const std::uint16_t* values) { return {widen_bf16(values), widen_bf16(values + 8)}; }

MARQUEE_INLINE Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
MARQUEE_INLINE Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
MARQUEE_INLINE Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
MARQUEE_INLINE Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
MARQUEE_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
MARQUEE_INLINE Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
MARQUEE_INLINE Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
MARQUEE_INLINE Vec magnitude(Vec x) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  return {_mm256_andnot_ps(sign, x.low), _mm256_andnot_ps(sign, x.high)};
}
MARQUEE_INLINE Vec with_sign_of(Vec x, Vec sign) {
  const __m256 bit = _mm256_set1_ps(-0.0F);
  return {_mm256_or_ps(_mm256_andnot_ps(bit, x.low), _mm256_and_ps(bit, sign.low)),
          _mm256_or_ps(_mm256_andnot_ps(bit, x.high), _mm256_and_ps(bit, sign.high))};
}
MARQUEE_INLINE Vec square_root(Vec x) { return {_mm256_sqrt_ps(x.low), _mm256_sqrt_ps(x.high)}; }
MARQUEE_INLINE Vec round_to_even(Vec x) {
  constexpr int kRounding = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.low, kRounding), _mm256_round_ps(x.high, kRounding)};
}
// x · 2^exponent for whole exponents in [-252, 252]: in two steps, as one may leave the range of normal numbers.
MARQUEE_INLINE __m256 power_of_two(__m256i exponent) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(exponent, _mm256_set1_epi32(127)), 23));
}
MARQUEE_INLINE __m256 scale_half(__m256 x, __m256 exponent) {
  const __m256i whole = _mm256_cvtps_epi32(exponent);
  const __m256i first = _mm256_srai_epi32(whole, 1);
  return _mm256_mul_ps(_mm256_mul_ps(x, power_of_two(first)), power_of_two(_mm256_sub_epi32(whole, first)));
}
MARQUEE_INLINE Vec times_power_of_two(Vec x, Vec exponent) {
  return {scale_half(x.low, exponent.low), scale_half(x.high, exponent.high)};
}
/// a < b ? x : y, lane by lane.
MARQUEE_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  return {_mm256_blendv_ps(y.low, x.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.high, x.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
}
/// x in lanes [begin, end), y elsewhere; 0 <= begin, end <= 16.
MARQUEE_INLINE Vec select_range(Vec x, Vec y, std::int32_t begin, std::int32_t end) {
  const __m256i low = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i high = _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15);
  const __m256i before = _mm256_set1_epi32(begin - 1);
  const __m256i after = _mm256_set1_epi32(end);
  const __m256i in_low = _mm256_and_si256(_mm256_cmpgt_epi32(low, before), _mm256_cmpgt_epi32(after, low));
  const __m256i in_high = _mm256_and_si256(_mm256_cmpgt_epi32(high, before), _mm256_cmpgt_epi32(after, high));
  return {_mm256_blendv_ps(y.low, x.low, _mm256_castsi256_ps(in_low)),
          _mm256_blendv_ps(y.high, x.high, _mm256_castsi256_ps(in_high))};
}
MARQUEE_INLINE float first_lane(Vec x) { return _mm256_cvtss_f32(x.low); }
MARQUEE_INLINE float sum_of_lanes(Vec x) {
  const __m256 eight = _mm256_add_ps(x.low, x.high);
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}
MARQUEE_INLINE float largest_lane(Vec x) {
  const __m256 eight = _mm256_max_ps(x.low, x.high);
  __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

// Attention: queries that share loaded keys, and pairs of registers of values per pass, within 16 registers.
constexpr std::size_t kQueryTile = 2;
constexpr std::size_t kValueVectors = 2;
constexpr std::size_t kValueVectorsOfFew = 2;
// Rows of a tile of activations: 4 × (two sums of products and one result) leave room for weights.
constexpr std::size_t kMaxTileRows = 4;

}  // namespace
}  // namespace marquee::kernels::avx2
