#include "tensor/autograd/broadcast.h"

namespace marquee::tensor::autograd {
namespace {

struct Axis {
  std::int64_t extent;
  std::int64_t a_stride;
  std::int64_t b_stride;
};

/// Elements to the next along each axis of `result`, 0 where the operand is stretched.
std::array<std::int64_t, kMaxRank> strides_along(const Shape& operand, const Shape& result) {
  std::array<std::int64_t, kMaxRank> strides{};
  std::int64_t stride = 1;
  for (std::size_t i = 0; i < operand.rank(); ++i) {  // from the last axis
    const std::int64_t extent = operand.extents()[operand.rank() - 1 - i];
    strides[result.rank() - 1 - i] = extent == 1 ? 0 : stride;
    stride *= extent;
  }
  return strides;
}

}  // namespace

BroadcastWalk::BroadcastWalk(const Shape& a, const Shape& b, const Shape& result) {
  const auto a_strides = strides_along(a, result);
  const auto b_strides = strides_along(b, result);
  std::array<Axis, kMaxRank> merged{};  // innermost first
  std::size_t count = 0;
  for (std::size_t i = result.rank(); i-- > 0;) {
    const Axis axis{result.extents()[i], a_strides[i], b_strides[i]};
    if (axis.extent == 1) continue;
    Axis* const inner = count == 0 ? nullptr : &merged[count - 1];
    if (inner != nullptr && axis.a_stride == inner->a_stride * inner->extent &&
        axis.b_stride == inner->b_stride * inner->extent) {
      inner->extent *= axis.extent;
    } else {
      merged[count++] = axis;
    }
  }
  if (count == 0) return;
  run = merged[0].extent;
  a_stays = merged[0].a_stride == 0;
  b_stays = merged[0].b_stride == 0;
  for (std::size_t i = count; i-- > 1;) {
    extents_[outer_] = merged[i].extent;
    strides_[outer_++] = {merged[i].a_stride, merged[i].b_stride};
    runs *= merged[i].extent;
  }
}

BroadcastWalk::Offsets BroadcastWalk::at(std::int64_t run_index) const {
  Offsets offsets;
  for (std::size_t i = outer_; i-- > 0;) {
    const std::int64_t position = run_index % extents_[i];
    run_index /= extents_[i];
    offsets.a += position * strides_[i].a;
    offsets.b += position * strides_[i].b;
  }
  return offsets;
}

}  // namespace marquee::tensor::autograd
