// Matrix products by 256-bit dot products. Included by the two files that name the instruction: it has one encoding for
// CPUs with AVX-VNNI and another for those with AVX-512 VL and VNNI, and no CPU need know both.
//
// Before it: the macro MARQUEE_DOT(sum, quants, values) and a namespace of its own.

namespace {

using avx2::fma;
using avx2::load;
using avx2::load_bf16;
using avx2::load_part;
using avx2::set;
using avx2::store;
using avx2::store_part;
using avx2::Vec;
using avx2::zero;

// Rows of a tile of activations: 6 × (a sum of products and a result) leave room for weights in 16 registers.
constexpr std::size_t kMaxTileRows = kTileRows;

#include "kernels/simd/float_matmul-inl.h"
#include "kernels/simd/panel_format-inl.h"

MARQUEE_INLINE __m256i four_values(const std::int8_t* values) {
  std::int32_t word;
  __builtin_memcpy(&word, values, sizeof(word));
  return _mm256_set1_epi32(word);
}

/// A lane holds four columns of one output row: the instruction adds their four products in 32 bits.
template <typename F, std::size_t kRows>
struct Dots {
  __m256i sums[kRows];

  MARQUEE_INLINE void clear() {
    for (std::size_t r = 0; r < kRows; ++r) sums[r] = _mm256_setzero_si256();
  }
  MARQUEE_INLINE __m256i total(std::size_t r) const { return sums[r]; }
};

template <typename F, std::size_t kRows>
MARQUEE_INLINE void add_products(const std::uint8_t* quants, const std::int8_t* values, Dots<F, kRows>& dots) {
  const __m256i low_bits = _mm256_set1_epi8(15);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < F::kGroup / (F::kBits == 4 ? 8 : 4); ++i) {
    const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quants + i * 64));
    if constexpr (F::kBits == 8) {
      for (std::size_t r = 0; r < kRows; ++r) {
        dots.sums[r] = MARQUEE_DOT(dots.sums[r], packed, four_values(values + r * kActivationGroup + i * 4));
      }
    } else {
      const __m256i first = _mm256_and_si256(packed, low_bits);
      const __m256i second = _mm256_and_si256(_mm256_srli_epi16(packed, 4), low_bits);
      for (std::size_t r = 0; r < kRows; ++r) {
        dots.sums[r] = MARQUEE_DOT(dots.sums[r], first, four_values(values + r * kActivationGroup + i * 8));
        dots.sums[r] = MARQUEE_DOT(dots.sums[r], second, four_values(values + r * kActivationGroup + i * 8 + 4));
      }
    }
  }
}

#include "kernels/simd/panel_256-inl.h"
#include "kernels/simd/panel_loop-inl.h"

}  // namespace

void matmul(const MatmulJob& job) { product(job); }
