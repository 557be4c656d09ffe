// Walks a row 16 values at a time. Included inside an instruction set's anonymous namespace, after its vector.h.

constexpr std::size_t kLanes = 16;

/// y = map(x, offset) over a row, 16 values at a time; the last ones may be fewer.
template <typename Map>
MARQUEE_INLINE void map_row(const float* x, std::size_t count, float* y, Map map) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, map(load(x + i), i));
  if (i < count) store_part(y + i, map(load_part(x + i, count - i), i), count - i);
}

MARQUEE_INLINE Vec load_some(const float* from, std::size_t offset, std::size_t count) {
  return offset + kLanes <= count ? load(from + offset) : load_part(from + offset, count - offset);
}

/// x in the lanes that the row has from an offset on, 0 in the others.
MARQUEE_INLINE Vec in_use(Vec x, std::size_t offset, std::size_t count) {
  return count - offset < kLanes ? select_range(x, zero(), 0, static_cast<std::int32_t>(count - offset)) : x;
}

MARQUEE_INLINE void store_some(float* to, Vec x, std::size_t offset, std::size_t count) {
  if (offset + kLanes <= count) return store(to + offset, x);
  store_part(to + offset, x, count - offset);
}
