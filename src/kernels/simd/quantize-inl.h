// Quantises rows of activations. Included inside an instruction set's namespace, after its vector.h and:
//   Whole                          16 integers of 32 bits
//   rounded(Vec)                   to integers, half to even; not a number to any integer from -32,768 up
//   high_plane(Whole)              round(x / 256), low_plane(Whole x, Whole high) = x - 256 · high
//   sum_of(Whole), store_bytes(Whole, int8*), largest_magnitude(Vec, Vec) with NaN as largest

namespace {

/// One group of 32 values: every plane's place in the tile is filled.
template <std::size_t kPlanes>
MARQUEE_INLINE void quantize_group(const float* x, std::size_t group, std::size_t in, const QuantizedRow& out) {
  constexpr auto kLargest = static_cast<float>(kLargestActivation[kPlanes]);
  const std::size_t stride = out.tile_rows;
  const auto store_plane = [&](std::size_t plane, Whole first, Whole second) {
    std::int8_t* to = out.values + plane * in * stride + (group * stride + out.row) * kActivationGroup;
    store_bytes(first, to);
    store_bytes(second, to + 16);
  };
  const Vec a = load(x);
  const Vec b = load(x + 16);
  const float largest = largest_magnitude(a, b);
  // Below this a group counts as all zero: the quotient must stay finite.
  const bool none = largest < kSmallestActivation;
  const float scale = none ? 0.0F : largest / kLargest;
  const Vec inverse = set(none ? 0.0F : kLargest / largest);
  const Whole first = rounded(mul(a, inverse));
  const Whole second = rounded(mul(b, inverse));
  if constexpr (kPlanes == 2) {
    const Whole first_high = high_plane(first);
    const Whole second_high = high_plane(second);
    store_plane(0, first_high, second_high);
    store_plane(1, low_plane(first, first_high), low_plane(second, second_high));
  } else {
    store_plane(0, first, second);
  }
  const std::int32_t sums[2] = {sum_of(first), sum_of(second)};
  out.scales[group * stride + out.row] = scale;
  out.sums32[group * stride + out.row] = scale * static_cast<float>(sums[0] + sums[1]);
  if (out.sums16 == nullptr) return;
  out.sums16[2 * group * stride + out.row] = scale * static_cast<float>(sums[0]);
  out.sums16[(2 * group + 1) * stride + out.row] = scale * static_cast<float>(sums[1]);
}

}  // namespace

void quantize_row(const float* x, std::size_t in, const QuantizedRow& out) {
  for (std::size_t group = 0; group < in / kActivationGroup; ++group, x += kActivationGroup) {
    out.planes == 2 ? quantize_group<2>(x, group, in, out) : quantize_group<1>(x, group, in, out);
  }
}
