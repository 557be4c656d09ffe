#if defined(__x86_64__)

#include "kernels/avx512/avx512.h"
#include "kernels/avx512/vector.h"

namespace marquee::kernels::avx512 {
namespace {

#include "kernels/simd/quantize-inl.h"

/// 16 values as int8, and their sum.
MARQUEE_INLINE std::int32_t round_to_bytes(Vec scaled, std::int8_t* to) {
  // Rounds half to even. Not a number becomes the least integer, whose sums would overflow.
  const __m512i whole = _mm512_max_epi32(_mm512_cvtps_epi32(scaled), _mm512_set1_epi32(-128));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtsepi32_epi8(whole));
  return _mm512_reduce_add_epi32(whole);
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

void quantize_row(const float* x, std::size_t in, const QuantizedRow& out) {
  for (std::size_t group = 0; group < in / kActivationGroup; ++group) {
    const Vec a = load(x + group * kActivationGroup);
    const Vec b = load(x + group * kActivationGroup + 16);
    const GroupScale scale = scale_for(largest_magnitude(a, b));
    std::int8_t values[kActivationGroup];
    const std::int32_t first = round_to_bytes(mul(a, set(scale.inverse)), values);
    const std::int32_t second = round_to_bytes(mul(b, set(scale.inverse)), values + 16);
    store_group(out, group, values, {scale.scale, first, second});
  }
}

}  // namespace marquee::kernels::avx512

#endif
