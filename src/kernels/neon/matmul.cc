#if defined(__aarch64__)

#include "kernels/neon/neon.h"
#include "kernels/neon/vector.h"

namespace marquee::kernels::neon {
namespace {

#include "kernels/simd/float_matmul-inl.h"
#include "kernels/simd/panel_format-inl.h"

MARQUEE_INLINE int8x16_t four_values(const std::int8_t* values) {
  std::int32_t word;
  __builtin_memcpy(&word, values, sizeof(word));
  return vreinterpretq_s8_s32(vdupq_n_s32(word));
}

template <typename F>
MARQUEE_INLINE Vec load_scales(const std::byte* header, std::size_t which) {
  if constexpr (F::kHalfScales) return load(reinterpret_cast<const std::uint16_t*>(header) + which * kPanelRows);
  return load(reinterpret_cast<const float*>(header) + which * kPanelRows);
}

/// The sums of one group for a row of activations and the panel's 16 rows. The instruction takes signed bytes only, so
/// that an 8-bit quant is 16 · high + low.
struct Dots {
  int32x4_t low[4];
  int32x4_t high[4];

  MARQUEE_INLINE void clear() {
    for (int i = 0; i < 4; ++i) low[i] = high[i] = vdupq_n_s32(0);
  }
  template <int kBits>
  MARQUEE_INLINE int32x4_t total(int i) const {
    return kBits == 8 ? vaddq_s32(low[i], vshlq_n_s32(high[i], 4)) : low[i];
  }
};

/// dots[r] += quants · values over one group. A lane holds four columns of one output row.
template <typename F, std::size_t kRows>
MARQUEE_INLINE void add_products(const std::uint8_t* quants, const std::int8_t* values, Dots (&dots)[kRows]) {
  for (std::size_t line = 0; line < F::kGroup / (F::kBits == 4 ? 8 : 4); ++line, quants += 64) {
    int8x16_t low[4];
    int8x16_t high[4];
    for (int i = 0; i < 4; ++i) {
      const uint8x16_t packed = vld1q_u8(quants + 16 * i);
      low[i] = vreinterpretq_s8_u8(vandq_u8(packed, vdupq_n_u8(15)));
      high[i] = vreinterpretq_s8_u8(vshrq_n_u8(packed, 4));
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      const std::int8_t* row = values + r * kActivationGroup;
      if constexpr (F::kBits == 8) {
        const int8x16_t four = four_values(row + line * 4);
        for (int i = 0; i < 4; ++i) {
          dots[r].low[i] = vdotq_s32(dots[r].low[i], low[i], four);
          dots[r].high[i] = vdotq_s32(dots[r].high[i], high[i], four);
        }
      } else {
        const int8x16_t first = four_values(row + line * 8);
        const int8x16_t second = four_values(row + line * 8 + 4);
        for (int i = 0; i < 4; ++i) {
          dots[r].low[i] = vdotq_s32(vdotq_s32(dots[r].low[i], low[i], first), high[i], second);
        }
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
    Dots dots[kRows];
    for (std::size_t r = 0; r < kRows; ++r) dots[r].clear();
    const std::uint8_t* quants = next_group<F>(group, next, header);
    add_products<F, kRows>(quants, values, dots);
    if constexpr (kPlanes == 2) {
      for (std::size_t r = 0; r < kRows; ++r) {
        for (int i = 0; i < 4; ++i) {
          dots[r].low[i] = vshlq_n_s32(dots[r].low[i], 8);
          dots[r].high[i] = vshlq_n_s32(dots[r].high[i], 8);
        }
      }
      add_products<F, kRows>(quants, values + job.in * kRows, dots);
    }
    const Vec scale = load_scales<F>(header, 0);
    const Vec minimum = F::kHasMinimum ? load_scales<F>(header, F::kHasMinimum ? 1 : 0) : mul(scale, minus_zero);
    for (std::size_t r = 0; r < kRows; ++r) {
      const Vec dot = parts([&](int i) { return vcvtq_f32_s32(dots[r].template total<F::kBits>(i)); });
      result[r] = fma(mul(scale, set(scales[r])), dot, result[r]);
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

}  // namespace marquee::kernels::neon

#endif
