#if defined(__x86_64__)

#include "kernels/peak_bench.h"

#include <immintrin.h>

namespace marquee::kernels::avx2 {

// Eight sums hide the latency of three instructions each.
std::size_t peak_int8(std::size_t rounds) {
  __m256i sums[8];
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  __m256i a = _mm256_set1_epi8(3);
  const __m256i b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (std::size_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 8
    for (auto& sum : sums) {
      asm volatile("" : "+x"(a));  // another operand each time, as far as the compiler knows
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    }
  }
  for (auto& sum : sums) asm volatile("" ::"x"(sum));
  return rounds * 8 * 32;
}

std::size_t peak_float32(std::size_t rounds) {
  __m256 sums[12];
  for (auto& sum : sums) sum = _mm256_setzero_ps();
  const __m256 a = _mm256_set1_ps(0.5F);
  for (std::size_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(a, a, sum);
    for (auto& sum : sums) asm volatile("" : "+x"(sum));
  }
  return rounds * 12 * 8;
}

}  // namespace marquee::kernels::avx2

#endif
