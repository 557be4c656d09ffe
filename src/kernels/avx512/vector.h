#pragma once
// Sixteen f32 lanes as one AVX-512 register. The names are those that simd/*-inl.h use.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define MARQUEE_INLINE inline __attribute__((always_inline))

namespace marquee::kernels::avx512 {
namespace {

using Vec = __m512;

MARQUEE_INLINE __mmask16 first_lanes(std::size_t count) { return static_cast<__mmask16>((1U << count) - 1U); }

MARQUEE_INLINE Vec zero() { return _mm512_setzero_ps(); }
MARQUEE_INLINE Vec set(float value) { return _mm512_set1_ps(value); }
MARQUEE_INLINE Vec load(const float* from) { return _mm512_loadu_ps(from); }
MARQUEE_INLINE Vec load_part(const float* from, std::size_t count) {
  return _mm512_maskz_loadu_ps(first_lanes(count), from);
}
MARQUEE_INLINE void store(float* to, Vec x) { _mm512_storeu_ps(to, x); }
MARQUEE_INLINE void store_part(float* to, Vec x, std::size_t count) {
  _mm512_mask_storeu_ps(to, first_lanes(count), x);
}
MARQUEE_INLINE Vec load(const std::uint16_t* halves) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
}
MARQUEE_INLINE Vec load_part(const std::uint16_t* halves, std::size_t count) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(count), halves));
}
MARQUEE_INLINE void store(std::uint16_t* halves, Vec x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(halves),
                      _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
MARQUEE_INLINE void store_part(std::uint16_t* halves, Vec x, std::size_t count) {
  _mm256_mask_storeu_epi16(halves, first_lanes(count),
                           _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
MARQUEE_INLINE Vec load(const std::int8_t* values) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values))));
}
MARQUEE_INLINE Vec load_part(const std::int8_t* values, std::size_t count) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(first_lanes(count), values)));
}
MARQUEE_INLINE Vec load_bf16(const std::uint16_t* values) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

MARQUEE_INLINE Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
MARQUEE_INLINE Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
MARQUEE_INLINE Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
MARQUEE_INLINE Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
MARQUEE_INLINE Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
MARQUEE_INLINE Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }  // NaN in either: b
MARQUEE_INLINE Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
MARQUEE_INLINE Vec magnitude(Vec x) { return _mm512_abs_ps(x); }
MARQUEE_INLINE Vec with_sign_of(Vec x, Vec sign) {
  const __m512i bit = _mm512_set1_epi32(INT32_MIN);
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(bit, _mm512_castps_si512(sign), _mm512_castps_si512(x), 0xCA));
}
MARQUEE_INLINE Vec square_root(Vec x) { return _mm512_sqrt_ps(x); }
MARQUEE_INLINE Vec round_to_even(Vec x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
MARQUEE_INLINE Vec times_power_of_two(Vec x, Vec exponent) { return _mm512_scalef_ps(x, exponent); }
/// a < b ? x : y, lane by lane.
MARQUEE_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
/// x in lanes [begin, end), y elsewhere; 0 <= begin, end <= 16.
MARQUEE_INLINE Vec select_range(Vec x, Vec y, std::int32_t begin, std::int32_t end) {
  const auto mask =
      static_cast<__mmask16>(((1U << static_cast<unsigned>(end)) - 1U) & ~((1U << static_cast<unsigned>(begin)) - 1U));
  return _mm512_mask_blend_ps(mask, y, x);
}
MARQUEE_INLINE float sum_of_lanes(Vec x) { return _mm512_reduce_add_ps(x); }
MARQUEE_INLINE float largest_lane(Vec x) { return _mm512_reduce_max_ps(x); }
MARQUEE_INLINE float first_lane(Vec x) { return _mm512_cvtss_f32(x); }

// Attention, within 32 registers: queries that share loaded keys, and registers of values per pass: for a tile of
// queries, and for half a tile or less.
constexpr std::size_t kQueryTile = 8;
constexpr std::size_t kValueVectors = 2;
constexpr std::size_t kValueVectorsOfFew = 4;
// Rows of a tile of activations, for the float panels.
constexpr std::size_t kMaxTileRows = 8;

}  // namespace
}  // namespace marquee::kernels::avx512
