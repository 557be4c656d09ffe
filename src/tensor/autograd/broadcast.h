#pragma once

#include <array>
#include <cstdint>

#include "tensor/autograd/shape.h"

namespace marquee::tensor::autograd {

/// How two operands run along a result, axes merged where both run on: an innermost run of values, in which an operand
/// goes on value by value or stays, and strides for the axes around it.
struct BroadcastWalk {
  /// @param result broadcast() of both
  BroadcastWalk(const Shape& a, const Shape& b, const Shape& result);

  std::int64_t run = 1;   ///< values of the innermost axis
  std::int64_t runs = 1;  ///< of the axes around it
  bool a_stays = false;
  bool b_stays = false;

  /// Offsets of the operands where a run begins.
  struct Offsets {
    std::int64_t a = 0;
    std::int64_t b = 0;
  };
  [[nodiscard]] Offsets at(std::int64_t run_index) const;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};  ///< of the outer axes, outermost first
  std::array<Offsets, kMaxRank> strides_{};
  std::size_t outer_ = 0;
};

}  // namespace marquee::tensor::autograd
