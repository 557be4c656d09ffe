// What quantising a group of activations comes to besides the vector work. Included inside an instruction set's
// anonymous namespace.

struct GroupScale {
  float scale;
  float inverse;
};

MARQUEE_INLINE GroupScale scale_for(float largest) {
  // Below this a group counts as all zero: 127 / largest must stay finite.
  if (largest < 1e-36F) return {0.0F, 0.0F};
  return {largest / 127.0F, 127.0F / largest};
}

struct GroupSums {
  float scale;
  std::int32_t first;   // of the first 16 values
  std::int32_t second;  // of the others
};

MARQUEE_INLINE void store_group(const QuantizedRow& out, std::size_t group, const std::int8_t* values, GroupSums sums) {
  const std::size_t stride = out.tile_rows;
  std::int8_t* to = out.values + (group * 8 * stride + out.row) * 4;
  for (std::size_t i = 0; i < 8; ++i) __builtin_memcpy(to + i * stride * 4, values + i * 4, 4);
  const std::size_t at = group * stride + out.row;
  out.scales[at] = sums.scale;
  out.sums32[at] = sums.scale * static_cast<float>(sums.first + sums.second);
  if (out.sums16 == nullptr) return;
  out.sums16[2 * group * stride + out.row] = sums.scale * static_cast<float>(sums.first);
  out.sums16[(2 * group + 1) * stride + out.row] = sums.scale * static_cast<float>(sums.second);
}
