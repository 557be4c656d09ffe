#if defined(__x86_64__)

#include "kernels/peak_bench.h"

#include <immintrin.h>

namespace marquee::kernels::avx512 {

// Written as instructions: of sums in an array the compiler keeps some in memory. There are enough of them to hide the
// latency of each.
std::size_t peak_int8(std::size_t rounds) {
  __m512i s0 = _mm512_setzero_si512(), s1 = _mm512_setzero_si512(), s2 = _mm512_setzero_si512(),
          s3 = _mm512_setzero_si512(), s4 = _mm512_setzero_si512(), s5 = _mm512_setzero_si512(),
          s6 = _mm512_setzero_si512(), s7 = _mm512_setzero_si512(), s8 = _mm512_setzero_si512(),
          s9 = _mm512_setzero_si512(), s10 = _mm512_setzero_si512(), s11 = _mm512_setzero_si512();
  const __m512i a = _mm512_set1_epi8(3);
  for (std::size_t i = 0; i < rounds; ++i) {
    asm volatile(
        "vpdpbusd %[a], %[a], %0\n"
        "vpdpbusd %[a], %[a], %1\n"
        "vpdpbusd %[a], %[a], %2\n"
        "vpdpbusd %[a], %[a], %3\n"
        "vpdpbusd %[a], %[a], %4\n"
        "vpdpbusd %[a], %[a], %5\n"
        "vpdpbusd %[a], %[a], %6\n"
        "vpdpbusd %[a], %[a], %7\n"
        "vpdpbusd %[a], %[a], %8\n"
        "vpdpbusd %[a], %[a], %9\n"
        "vpdpbusd %[a], %[a], %10\n"
        "vpdpbusd %[a], %[a], %11\n"
        : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7), "+v"(s8), "+v"(s9), "+v"(s10),
          "+v"(s11)
        : [a] "v"(a));
  }
  return rounds * 12 * 64;
}

std::size_t peak_float32(std::size_t rounds) {
  __m512 s0 = _mm512_setzero_ps(), s1 = _mm512_setzero_ps(), s2 = _mm512_setzero_ps(), s3 = _mm512_setzero_ps(),
         s4 = _mm512_setzero_ps(), s5 = _mm512_setzero_ps(), s6 = _mm512_setzero_ps(), s7 = _mm512_setzero_ps(),
         s8 = _mm512_setzero_ps(), s9 = _mm512_setzero_ps(), s10 = _mm512_setzero_ps(), s11 = _mm512_setzero_ps();
  const __m512 a = _mm512_set1_ps(0.5F);
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
        : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7), "+v"(s8), "+v"(s9), "+v"(s10),
          "+v"(s11)
        : [a] "v"(a));
  }
  return rounds * 12 * 16;
}

}  // namespace marquee::kernels::avx512

#endif
