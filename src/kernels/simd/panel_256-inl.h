// Products of quantised panels on 256-bit registers. Included inside an instruction set's anonymous namespace, after
// AVX2's vector.h, panel_format-inl.h, and a template Dots<Format, rows> that multiplies.

// The scales (which = 0) or minima (1) of eight of a panel's rows.
template <typename F>
MARQUEE_INLINE __m256 load_scales(const std::byte* header, std::size_t which, std::size_t half) {
  const std::size_t first = which * kPanelRows + half * 8;
  if constexpr (F::kHalfScales) {
    const auto* halves = reinterpret_cast<const std::uint16_t*>(header) + first;
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves)));
  }
  return _mm256_loadu_ps(reinterpret_cast<const float*>(header) + first);
}

/// Eight of a panel's sixteen outputs. The floating-point steps are the same for every height of the tile.
template <typename F, std::size_t kRows, std::size_t kPlanes>
MARQUEE_INLINE void half_panel(const MatmulJob& job, const std::byte* panel, const ActivationTile& tile,
                               std::size_t half, __m256 (&result)[kRows]) {
  const std::size_t groups = job.in / F::kGroup;
  const std::byte* next = panel;
  const std::byte* header = panel;
  const std::int8_t* values = tile.values;
  const float* scales = tile.scales;
  const float* sums = F::kGroup == 16 ? tile.sums16 : tile.sums32;
  const __m256 minus_zero = _mm256_set1_ps(-static_cast<float>(job.format.zero));
  for (std::size_t r = 0; r < kRows; ++r) result[r] = _mm256_setzero_ps();
  for (std::size_t group = 0; group < groups; ++group) {
    Dots<F, kRows> dots;
    dots.clear();
    const std::uint8_t* quants = next_group<F>(group, next, header) + half * 32;
    __m256i high[kRows];
    if constexpr (kPlanes == 2) {
      add_products<F, kRows>(quants, values, dots);
      for (std::size_t r = 0; r < kRows; ++r) high[r] = _mm256_slli_epi32(dots.total(r), 8);
      dots.clear();
    }
    add_products<F, kRows>(quants, values + (kPlanes - 1) * job.in * kRows, dots);
    const __m256 scale = load_scales<F>(header, 0, half);
    const __m256 minimum =
        F::kHasMinimum ? load_scales<F>(header, F::kHasMinimum ? 1 : 0, half) : _mm256_mul_ps(scale, minus_zero);
    for (std::size_t r = 0; r < kRows; ++r) {
      const __m256 row_scale = _mm256_mul_ps(scale, _mm256_set1_ps(scales[r]));
      const __m256i dot = kPlanes == 2 ? _mm256_add_epi32(high[r], dots.total(r)) : dots.total(r);
      result[r] = _mm256_fmadd_ps(row_scale, _mm256_cvtepi32_ps(dot), result[r]);
      result[r] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(sums[r]), result[r]);
    }
    sums += kRows;
    if (F::kGroup == 16 && group % 2 == 0) {
      values += 16;  // the other half of each row's 32
      continue;
    }
    values += kActivationGroup * kRows - (kActivationGroup - F::kGroup);
    scales += kRows;
  }
}

template <typename F, std::size_t kRows, std::size_t kPlanes>
void quantized_panel(const MatmulJob& job, const std::byte* panel, const ActivationTile& tile, const PanelOutput& out) {
  __m256 low[kRows];
  __m256 high[kRows];
  half_panel<F, kRows, kPlanes>(job, panel, tile, 0, low);
  half_panel<F, kRows, kPlanes>(job, panel, tile, 1, high);
  for (std::size_t r = 0; r < kRows; ++r) store_row(out, r, {low[r], high[r]});
}
