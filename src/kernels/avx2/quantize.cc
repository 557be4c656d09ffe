#if defined(__x86_64__)

#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace marquee::kernels::avx2 {
namespace {

#include "kernels/simd/quantize-inl.h"

MARQUEE_INLINE std::int32_t sum_of(__m256i eight) {
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
}

/// 16 values as int8, and their sum.
MARQUEE_INLINE std::int32_t round_to_bytes(Vec scaled, std::int8_t* to) {
  const __m256i low = _mm256_cvtps_epi32(scaled.low);  // rounds half to even
  const __m256i high = _mm256_cvtps_epi32(scaled.high);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xD8);
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  return sum_of(_mm256_add_epi32(low, high));
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

}  // namespace marquee::kernels::avx2

#endif
