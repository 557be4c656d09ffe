#if defined(__x86_64__)

#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace marquee::kernels::avx2 {
namespace {

struct Whole {
  __m256i low;
  __m256i high;
};

MARQUEE_INLINE __m256i rounded(__m256 x) {
  // Not a number becomes the least integer, whose sums would overflow.
  return _mm256_max_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(INT16_MIN));
}
MARQUEE_INLINE Whole rounded(Vec x) { return {rounded(x.low), rounded(x.high)}; }

MARQUEE_INLINE __m256i high_plane(__m256i x) {
  return _mm256_srai_epi32(_mm256_add_epi32(x, _mm256_set1_epi32(128)), 8);
}
MARQUEE_INLINE Whole high_plane(Whole x) { return {high_plane(x.low), high_plane(x.high)}; }

MARQUEE_INLINE Whole low_plane(Whole x, Whole high) {
  return {_mm256_sub_epi32(x.low, _mm256_slli_epi32(high.low, 8)),
          _mm256_sub_epi32(x.high, _mm256_slli_epi32(high.high, 8))};
}

MARQUEE_INLINE std::int32_t sum_of(Whole x) {
  const __m256i eight = _mm256_add_epi32(x.low, x.high);
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
}

MARQUEE_INLINE void store_bytes(Whole x, std::int8_t* to) {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.low, x.high), 0xD8);
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
}

MARQUEE_INLINE __m256i larger_bits(Vec x) {
  const Vec size = magnitude(x);
  return _mm256_max_epi32(_mm256_castps_si256(size.low), _mm256_castps_si256(size.high));
}

MARQUEE_INLINE float largest_magnitude(Vec a, Vec b) {
  // As integers, so that NaN counts as largest and spreads to the result.
  const __m256i eight = _mm256_max_epi32(larger_bits(a), larger_bits(b));
  __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1));
  return _mm_cvtss_f32(_mm_castsi128_ps(four));
}

}  // namespace

#include "kernels/simd/quantize-inl.h"

}  // namespace marquee::kernels::avx2

#endif
