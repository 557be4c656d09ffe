#if defined(__x86_64__)

#include "kernels/peak_bench.h"

#include <immintrin.h>

namespace marquee::kernels::avx2 {

// Written as instructions: of sums in an array the compiler keeps some in memory. There are enough of them to hide the
// latency of each.
std::size_t peak_int8(std::size_t rounds) {
  __m256i s0 = _mm256_setzero_si256(), s1 = _mm256_setzero_si256(), s2 = _mm256_setzero_si256(),
          s3 = _mm256_setzero_si256(), s4 = _mm256_setzero_si256(), s5 = _mm256_setzero_si256(),
          s6 = _mm256_setzero_si256(), s7 = _mm256_setzero_si256();
  const __m256i a = _mm256_set1_epi8(3);
  const __m256i ones = _mm256_set1_epi16(1);
  for (std::size_t i = 0; i < rounds; ++i) {
    asm volatile(
        "vpmaddubsw %[a], %[a], %%ymm15\n"
        "vpmaddwd %[ones], %%ymm15, %%ymm15\n"
        "vpaddd %%ymm15, %0, %0\n"
        "vpmaddubsw %[a], %[a], %%ymm15\n"
        "vpmaddwd %[ones], %%ymm15, %%ymm15\n"
        "vpaddd %%ymm15, %1, %1\n"
        "vpmaddubsw %[a], %[a], %%ymm15\n"
        "vpmaddwd %[ones], %%ymm15, %%ymm15\n"
        "vpaddd %%ymm15, %2, %2\n"
        "vpmaddubsw %[a], %[a], %%ymm15\n"
        "vpmaddwd %[ones], %%ymm15, %%ymm15\n"
        "vpaddd %%ymm15, %3, %3\n"
        "vpmaddubsw %[a], %[a], %%ymm15\n"
        "vpmaddwd %[ones], %%ymm15, %%ymm15\n"
        "vpaddd %%ymm15, %4, %4\n"
        "vpmaddubsw %[a], %[a], %%ymm15\n"
        "vpmaddwd %[ones], %%ymm15, %%ymm15\n"
        "vpaddd %%ymm15, %5, %5\n"
        "vpmaddubsw %[a], %[a], %%ymm15\n"
        "vpmaddwd %[ones], %%ymm15, %%ymm15\n"
        "vpaddd %%ymm15, %6, %6\n"
        "vpmaddubsw %[a], %[a], %%ymm15\n"
        "vpmaddwd %[ones], %%ymm15, %%ymm15\n"
        "vpaddd %%ymm15, %7, %7\n"
        : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5), "+x"(s6), "+x"(s7)
        : [a] "x"(a), [ones] "x"(ones)
        : "xmm15");
  }
  return rounds * 8 * 32;
}

std::size_t peak_float32(std::size_t rounds) {
  __m256 s0 = _mm256_setzero_ps(), s1 = _mm256_setzero_ps(), s2 = _mm256_setzero_ps(), s3 = _mm256_setzero_ps(),
         s4 = _mm256_setzero_ps(), s5 = _mm256_setzero_ps(), s6 = _mm256_setzero_ps(), s7 = _mm256_setzero_ps(),
         s8 = _mm256_setzero_ps(), s9 = _mm256_setzero_ps(), s10 = _mm256_setzero_ps(), s11 = _mm256_setzero_ps();
  const __m256 a = _mm256_set1_ps(0.5F);
  for (std::size_t i = 0; i < rounds; ++i) {
    asm volatile(
        "vfmadd231ps %[a], %[a], %0\n"
        "vfmadd231ps %[a], %[a], %1\n"
        "vfmadd231ps %[a], %[a], %2\n"
        "vfmadd231ps %[a], %[a], %3\n"
        "vfmadd231ps %[a], %[a], %4\n"
        "vfmadd231ps %[a], %[a], %5\n"
        "vfmadd231ps %[a], %[a], %6\n"
        "vfmadd231ps %[a], %[a], %7\n"
        "vfmadd231ps %[a], %[a], %8\n"
        "vfmadd231ps %[a], %[a], %9\n"
        "vfmadd231ps %[a], %[a], %10\n"
        "vfmadd231ps %[a], %[a], %11\n"
        : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5), "+x"(s6), "+x"(s7), "+x"(s8), "+x"(s9), "+x"(s10),
          "+x"(s11)
        : [a] "x"(a));
  }
  return rounds * 12 * 8;
}

}  // namespace marquee::kernels::avx2

#endif
