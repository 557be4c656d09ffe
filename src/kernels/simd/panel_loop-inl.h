// Walks the panels and tiles of a matrix product. Included inside an instruction set's anonymous namespace, after
// float_matmul-inl.h and a template quantized_panel<Format, rows, planes>(job, panel, tile, out).

/// The height of a tile as a type.
template <std::size_t kCountValue>
struct Rows {
  static constexpr std::size_t kCount = kCountValue;
};

/// Every tile meets a panel while it is in the nearest cache.
template <typename PanelTile>
MARQUEE_INLINE void for_each_panel_and_tile(const MatmulJob& job, PanelTile panel_tile) {
  const std::size_t panel_bytes = job.format.panel_bytes(job.in);
  const std::byte* panel = job.panels;
  for (std::size_t column = 0; column < job.out; column += kPanelRows, panel += panel_bytes) {
    const std::size_t columns = job.out - column < kPanelRows ? job.out - column : kPanelRows;
    for (std::size_t t = 0; t < job.tile_count; ++t) {
      const ActivationTile& tile = job.tiles[t];
      panel_tile(panel, tile, PanelOutput{job.y + tile.first_row * job.y_stride + column, job.y_stride, columns});
    }
  }
}

// One function per height of a tile, so that its sums stay in registers: heights 1 to kMaxTileRows.
template <std::size_t kRows, typename Call>
MARQUEE_INLINE void with_rows(std::size_t rows, Call call) {
  if constexpr (kRows <= kMaxTileRows) {
    if (rows == kRows) return call(Rows<kRows>{});
    with_rows<kRows + 1>(rows, call);
  }
}

template <typename F>
void quantized_product(const MatmulJob& job) {
  for_each_panel_and_tile(job, [&](const std::byte* panel, const ActivationTile& tile, const PanelOutput& out) {
    with_rows<1>(tile.rows, [&](auto rows) {
      constexpr std::size_t kRows = decltype(rows)::kCount;
      tile.planes == 2 ? quantized_panel<F, kRows, 2>(job, panel, tile, out)
                       : quantized_panel<F, kRows, 1>(job, panel, tile, out);
    });
  });
}

template <DType kType>
void float_product(const MatmulJob& job) {
  for_each_panel_and_tile(job, [&](const std::byte* panel, const ActivationTile& tile, const PanelOutput& out) {
    with_rows<1>(tile.rows, [&](auto rows) { float_panel<kType, decltype(rows)::kCount>(panel, job.in, tile, out); });
  });
}

void product(const MatmulJob& job) {
  switch (job.format.dtype) {
    case DType::kF32: return float_product<DType::kF32>(job);
    case DType::kF16: return float_product<DType::kF16>(job);
    case DType::kBF16: return float_product<DType::kBF16>(job);
    case DType::kQ4_0: return quantized_product<Format<4, 32, true, false>>(job);
    case DType::kQ4_1: return quantized_product<Format<4, 32, true, true>>(job);
    case DType::kQ5_0:
    case DType::kQ8_0: return quantized_product<Format<8, 32, true, false>>(job);
    case DType::kQ5_1: return quantized_product<Format<8, 32, true, true>>(job);
    case DType::kQ2_K: return quantized_product<Format<4, 16, false, true>>(job);
    case DType::kQ3_K: return quantized_product<Format<4, 16, false, false>>(job);
    case DType::kQ4_K: return quantized_product<Format<4, 32, false, true>>(job);
    case DType::kQ5_K: return quantized_product<Format<8, 32, false, true>>(job);
    case DType::kQ6_K: return quantized_product<Format<8, 16, false, false>>(job);
    default: return;  // not a weight type: never packed
  }
}
