#if defined(__x86_64__)

#include "kernels/avx512/avx512.h"
#include "kernels/avx512/vector.h"

namespace marquee::kernels::avx512 {
namespace {

#include "kernels/simd/float_matmul-inl.h"
#include "kernels/simd/panel_format-inl.h"

MARQUEE_INLINE __m512i four_values(const std::int8_t* values) {
  std::int32_t word;
  __builtin_memcpy(&word, values, sizeof(word));
  return _mm512_set1_epi32(word);
}

template <typename F>
MARQUEE_INLINE Vec load_scales(const std::byte* header, std::size_t which) {
  if constexpr (F::kHalfScales) return load(reinterpret_cast<const std::uint16_t*>(header) + which * kPanelRows);
  return load(reinterpret_cast<const float*>(header) + which * kPanelRows);
}

/// dots[r] += quants · values over one group.
/// A lane holds four columns of one output row: vpdpbusd adds their four products.
template <typename F, std::size_t kRows>
MARQUEE_INLINE void add_products(const std::uint8_t* quants, const std::int8_t* values, __m512i (&dots)[kRows]) {
  const __m512i low_bits = _mm512_set1_epi8(15);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < F::kGroup / (F::kBits == 4 ? 8 : 4); ++i) {
    const __m512i packed = _mm512_load_si512(quants + i * 64);
    if constexpr (F::kBits == 8) {
      for (std::size_t r = 0; r < kRows; ++r) {
        dots[r] = _mm512_dpbusd_epi32(dots[r], packed, four_values(values + r * kActivationGroup + i * 4));
      }
    } else {
      const __m512i first = _mm512_and_si512(packed, low_bits);
      const __m512i second = _mm512_and_si512(_mm512_srli_epi16(packed, 4), low_bits);
      for (std::size_t r = 0; r < kRows; ++r) {
        dots[r] = _mm512_dpbusd_epi32(dots[r], first, four_values(values + r * kActivationGroup + i * 8));
        dots[r] = _mm512_dpbusd_epi32(dots[r], second, four_values(values + r * kActivationGroup + i * 8 + 4));
      }
    }
  }
}

// The floating-point steps of a row are the same for every height of the tile; only integer sums precede them.
template <typename F, std::size_t kRows, std::size_t kPlanes>
void quantized_panel(const MatmulJob& job, const std::byte* panel, const ActivationTile& tile, const PanelOutput& out) {
  const std::size_t groups = job.in / F::kGroup;
  const std::byte* next = panel;
  const std::byte* header = panel;
  const std::int8_t* values = tile.values;
  const float* scales = tile.scales;
  const float* sums = F::kGroup == 16 ? tile.sums16 : tile.sums32;
  const Vec minus_zero = set(-static_cast<float>(job.format.zero));
  Vec result[kRows];
  for (std::size_t r = 0; r < kRows; ++r) result[r] = zero();
  for (std::size_t group = 0; group < groups; ++group) {
    __m512i dots[kRows];
    for (std::size_t r = 0; r < kRows; ++r) dots[r] = _mm512_setzero_si512();
    const std::uint8_t* quants = next_group<F>(group, next, header);
    add_products<F, kRows>(quants, values, dots);
    if constexpr (kPlanes == 2) {
      for (std::size_t r = 0; r < kRows; ++r) dots[r] = _mm512_slli_epi32(dots[r], 8);
      add_products<F, kRows>(quants, values + job.in * kRows, dots);
    }
    const Vec scale = load_scales<F>(header, 0);
    const Vec minimum = F::kHasMinimum ? load_scales<F>(header, F::kHasMinimum ? 1 : 0) : mul(scale, minus_zero);
    for (std::size_t r = 0; r < kRows; ++r) {
      result[r] = fma(mul(scale, set(scales[r])), _mm512_cvtepi32_ps(dots[r]), result[r]);
      result[r] = fma(minimum, set(sums[r]), result[r]);
    }
    sums += kRows;
    if (F::kGroup == 16 && group % 2 == 0) {
      values += 16;  // the other half of each row's 32
      continue;
    }
    values += kActivationGroup * kRows - (kActivationGroup - F::kGroup);
    scales += kRows;
  }
  for (std::size_t r = 0; r < kRows; ++r) store_row(out, r, result[r]);
}

#include "kernels/simd/panel_loop-inl.h"

}  // namespace

void matmul(const MatmulJob& job) { product(job); }

}  // namespace marquee::kernels::avx512

#endif
