#if defined(__x86_64__)

#include "kernels/avx512/avx512.h"
#include "kernels/avx512/vector.h"

namespace marquee::kernels::avx512 {
namespace {

using Whole = __m512i;

MARQUEE_INLINE Whole rounded(Vec x) {
  // Not a number becomes the least integer, whose sums would overflow.
  return _mm512_max_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(INT16_MIN));
}
MARQUEE_INLINE Whole high_plane(Whole x) { return _mm512_srai_epi32(_mm512_add_epi32(x, _mm512_set1_epi32(128)), 8); }
MARQUEE_INLINE Whole low_plane(Whole x, Whole high) { return _mm512_sub_epi32(x, _mm512_slli_epi32(high, 8)); }
MARQUEE_INLINE std::int32_t sum_of(Whole x) { return _mm512_reduce_add_epi32(x); }
MARQUEE_INLINE void store_bytes(Whole x, std::int8_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtsepi32_epi8(x));
}

MARQUEE_INLINE float largest_magnitude(Vec a, Vec b) {
  // As integers, so that NaN counts as largest and spreads to the result.
  const __m512i first = _mm512_castps_si512(magnitude(a));
  const __m512i second = _mm512_castps_si512(magnitude(b));
  const std::int32_t bits = _mm512_reduce_max_epi32(_mm512_max_epi32(first, second));
  float value;
  __builtin_memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

#include "kernels/simd/quantize-inl.h"

}  // namespace marquee::kernels::avx512

#endif
