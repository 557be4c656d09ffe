// The layout of quantised panels (see kernels/panels.h) for inner loops. Included inside an instruction set's anonymous
// namespace, after its vector.h.

/// The properties of a quantised panel that shape its inner loop.
template <int kBitsValue, int kGroupValue, bool kHalfScalesValue, bool kHasMinimumValue>
struct Format {
  static constexpr int kBits = kBitsValue;
  static constexpr std::size_t kGroup = kGroupValue;
  static constexpr bool kHalfScales = kHalfScalesValue;
  static constexpr bool kHasMinimum = kHasMinimumValue;
  static constexpr std::size_t kHeaderBytes = kPanelRows * (kHalfScales ? 2 : 4) * (kHasMinimum ? 2 : 1);
  static constexpr std::size_t kGroupsPerRecord = kHeaderBytes < 64 ? 2 : 1;
  static constexpr std::size_t kQuantBytes = kPanelRows * kGroup * kBits / 8;
};

/// Moves `next` past the next group and sets `header` to its scales. Call for group 0, 1, 2, … in turn.
/// @return its quants
template <typename F>
MARQUEE_INLINE const std::uint8_t* next_group(std::size_t group, const std::byte*& next, const std::byte*& header) {
  if (group % F::kGroupsPerRecord == 0) {
    header = next;
    next += F::kGroupsPerRecord * F::kHeaderBytes;
  } else {
    header += F::kHeaderBytes;
  }
  const auto* quants = reinterpret_cast<const std::uint8_t*>(next);
  next += F::kQuantBytes;
  return quants;
}
