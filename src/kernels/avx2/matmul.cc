#if defined(__x86_64__)

#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace marquee::kernels::avx2 {
namespace {

#include "kernels/simd/float_matmul-inl.h"
#include "kernels/simd/panel_format-inl.h"

MARQUEE_INLINE __m256i four_values(const std::int8_t* values) {
  std::int32_t word;
  __builtin_memcpy(&word, values, sizeof(word));
  return _mm256_set1_epi32(word);
}

/// Quants in two planes of four bits: vpmaddubsw adds pairs of products in 16 bits, and a whole group of them, at most
/// 8 · 2 · 15 · 128 = 30,720, still fits. An 8-bit quant is 16 · high + low. (With 8-bit quants taken whole, one pair
/// could exceed 32,767 and saturate.)
template <typename F, std::size_t kRows>
struct Dots {
  __m256i low[kRows];
  __m256i high[kRows];  // of 8-bit quants

  MARQUEE_INLINE void clear() {
    for (std::size_t r = 0; r < kRows; ++r) {
      low[r] = _mm256_setzero_si256();
      high[r] = _mm256_setzero_si256();
    }
  }
  MARQUEE_INLINE __m256i total(std::size_t r) const {
    const __m256i sum = _mm256_madd_epi16(low[r], _mm256_set1_epi16(1));
    if constexpr (F::kBits == 4) return sum;
    return _mm256_add_epi32(sum, _mm256_madd_epi16(high[r], _mm256_set1_epi16(16)));
  }
};

template <typename F, std::size_t kRows>
MARQUEE_INLINE void add_products(const std::uint8_t* quants, const std::int8_t* values, Dots<F, kRows>& dots) {
  const __m256i low_bits = _mm256_set1_epi8(15);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < F::kGroup / (F::kBits == 4 ? 8 : 4); ++i) {
    const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + i * 64));
    const __m256i first = _mm256_and_si256(packed, low_bits);
    const __m256i second = _mm256_and_si256(_mm256_srli_epi16(packed, 4), low_bits);
    for (std::size_t r = 0; r < kRows; ++r) {
      if constexpr (F::kBits == 8) {
        const __m256i four = four_values(values + r * kActivationGroup + i * 4);
        dots.low[r] = _mm256_add_epi16(dots.low[r], _mm256_maddubs_epi16(first, four));
        dots.high[r] = _mm256_add_epi16(dots.high[r], _mm256_maddubs_epi16(second, four));
      } else {
        const __m256i four = four_values(values + r * kActivationGroup + i * 8);
        const __m256i next = four_values(values + r * kActivationGroup + i * 8 + 4);
        dots.low[r] = _mm256_add_epi16(dots.low[r], _mm256_maddubs_epi16(first, four));
        dots.low[r] = _mm256_add_epi16(dots.low[r], _mm256_maddubs_epi16(second, next));
      }
    }
  }
}

#include "kernels/simd/panel_256-inl.h"
#include "kernels/simd/panel_loop-inl.h"

}  // namespace

void matmul(const MatmulJob& job) { product(job); }

}  // namespace marquee::kernels::avx2

#endif
