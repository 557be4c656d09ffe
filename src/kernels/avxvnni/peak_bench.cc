#if defined(__x86_64__)

#include "kernels/peak_bench.h"

#include <immintrin.h>

#include "kernels/cpu.h"

namespace marquee::kernels::avxvnni {
namespace {

std::size_t vex(std::size_t rounds) {
  __m256i s0 = _mm256_setzero_si256(), s1 = _mm256_setzero_si256(), s2 = _mm256_setzero_si256(),
          s3 = _mm256_setzero_si256(), s4 = _mm256_setzero_si256(), s5 = _mm256_setzero_si256(),
          s6 = _mm256_setzero_si256(), s7 = _mm256_setzero_si256(), s8 = _mm256_setzero_si256(),
          s9 = _mm256_setzero_si256(), s10 = _mm256_setzero_si256(), s11 = _mm256_setzero_si256();
  const __m256i a = _mm256_set1_epi8(3);
  for (std::size_t i = 0; i < rounds; ++i) {
    asm volatile(
        "%{vex%} vpdpbusd %[a], %[a], %0\n"
        "%{vex%} vpdpbusd %[a], %[a], %1\n"
        "%{vex%} vpdpbusd %[a], %[a], %2\n"
        "%{vex%} vpdpbusd %[a], %[a], %3\n"
        "%{vex%} vpdpbusd %[a], %[a], %4\n"
        "%{vex%} vpdpbusd %[a], %[a], %5\n"
        "%{vex%} vpdpbusd %[a], %[a], %6\n"
        "%{vex%} vpdpbusd %[a], %[a], %7\n"
        "%{vex%} vpdpbusd %[a], %[a], %8\n"
        "%{vex%} vpdpbusd %[a], %[a], %9\n"
        "%{vex%} vpdpbusd %[a], %[a], %10\n"
        "%{vex%} vpdpbusd %[a], %[a], %11\n"
        : "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5), "+x"(s6), "+x"(s7), "+x"(s8), "+x"(s9), "+x"(s10),
          "+x"(s11)
        : [a] "x"(a));
  }
  return rounds * 12 * 32;
}

std::size_t evex(std::size_t rounds) {
  __m256i s0 = _mm256_setzero_si256(), s1 = _mm256_setzero_si256(), s2 = _mm256_setzero_si256(),
          s3 = _mm256_setzero_si256(), s4 = _mm256_setzero_si256(), s5 = _mm256_setzero_si256(),
          s6 = _mm256_setzero_si256(), s7 = _mm256_setzero_si256(), s8 = _mm256_setzero_si256(),
          s9 = _mm256_setzero_si256(), s10 = _mm256_setzero_si256(), s11 = _mm256_setzero_si256();
  const __m256i a = _mm256_set1_epi8(3);
  for (std::size_t i = 0; i < rounds; ++i) {
    asm volatile(
        "%{evex%} vpdpbusd %[a], %[a], %0\n"
        "%{evex%} vpdpbusd %[a], %[a], %1\n"
        "%{evex%} vpdpbusd %[a], %[a], %2\n"
        "%{evex%} vpdpbusd %[a], %[a], %3\n"
        "%{evex%} vpdpbusd %[a], %[a], %4\n"
        "%{evex%} vpdpbusd %[a], %[a], %5\n"
        "%{evex%} vpdpbusd %[a], %[a], %6\n"
        "%{evex%} vpdpbusd %[a], %[a], %7\n"
        "%{evex%} vpdpbusd %[a], %[a], %8\n"
        "%{evex%} vpdpbusd %[a], %[a], %9\n"
        "%{evex%} vpdpbusd %[a], %[a], %10\n"
        "%{evex%} vpdpbusd %[a], %[a], %11\n"
        : "+v"(s0), "+v"(s1), "+v"(s2), "+v"(s3), "+v"(s4), "+v"(s5), "+v"(s6), "+v"(s7), "+v"(s8), "+v"(s9), "+v"(s10),
          "+v"(s11)
        : [a] "v"(a));
  }
  return rounds * 12 * 32;
}

}  // namespace

std::size_t peak_int8(std::size_t rounds) { return cpu_features().avx_vnni ? vex(rounds) : evex(rounds); }

}  // namespace marquee::kernels::avxvnni

#endif
