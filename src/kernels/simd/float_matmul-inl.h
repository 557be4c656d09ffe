// Products with F32, F16 and BF16 panels in f32. Included inside an instruction set's namespace, after its vector.h.

/// One panel's products, and where they go.
struct PanelOutput {
  float* y;  ///< of the tile's first row, at the panel's first column
  std::size_t stride;
  std::size_t columns;  ///< at most 16
};

MARQUEE_INLINE void store_row(const PanelOutput& out, std::size_t row, Vec sum) {
  float* to = out.y + row * out.stride;
  if (out.columns == kPanelRows) {
    store(to, sum);
  } else {
    store_part(to, sum, out.columns);
  }
}

template <DType kType>
MARQUEE_INLINE Vec load_weights(const std::byte* panel, std::size_t k) {
  if constexpr (kType == DType::kF32) return load(reinterpret_cast<const float*>(panel) + k * kPanelRows);
  const auto* halves = reinterpret_cast<const std::uint16_t*>(panel) + k * kPanelRows;
  if constexpr (kType == DType::kF16) return load(halves);
  if constexpr (kType == DType::kBF16) return load_bf16(halves);
}

template <DType kType, std::size_t kRows>
void float_panel(const std::byte* panel, std::size_t in, const ActivationTile& tile, const PanelOutput& out) {
  Vec sums[kRows];
  for (std::size_t r = 0; r < kRows; ++r) sums[r] = zero();
  const float* x = tile.floats;
  for (std::size_t k = 0; k < in; ++k, x += kRows) {
    const Vec weights = load_weights<kType>(panel, k);
    for (std::size_t r = 0; r < kRows; ++r) sums[r] = fma(set(x[r]), weights, sums[r]);
  }
  for (std::size_t r = 0; r < kRows; ++r) store_row(out, r, sums[r]);
}
