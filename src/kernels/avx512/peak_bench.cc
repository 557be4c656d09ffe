#if defined(__x86_64__)

#include "kernels/peak_bench.h"

#include <immintrin.h>

namespace marquee::kernels::avx512 {

// Sixteen sums hide the latency of the dot product.
std::size_t peak_int8(std::size_t rounds) {
  __m512i sums[16];
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  const __m512i a = _mm512_set1_epi8(3);
  for (std::size_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_dpbusd_epi32(sum, a, a);
    for (auto& sum : sums) asm volatile("" : "+v"(sum));
  }
  return rounds * 16 * 64;
}

std::size_t peak_float32(std::size_t rounds) {
  __m512 sums[16];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  const __m512 a = _mm512_set1_ps(0.5F);
  for (std::size_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_fmadd_ps(a, a, sum);
    for (auto& sum : sums) asm volatile("" : "+v"(sum));
  }
  return rounds * 16 * 16;
}

}  // namespace marquee::kernels::avx512

#endif
