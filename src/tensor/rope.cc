#include <cmath>
#include <string>

#include "kernels/kernels.h"
#include "tensor/ops.h"
#include "tensor/shape_check.h"

namespace marquee::tensor {

void RopeAngles::assign(const RopeTable& table, std::span<const std::int32_t> positions) {
  rows_ = positions.size();
  pairs_ = table.inverse_frequencies.size();
  pairing_ = table.pairing;
  values_.resize(rows_ * 2 * pairs_);
  for (std::size_t row = 0; row < rows_; ++row) {
    float* cosines = values_.data() + row * 2 * pairs_;
    for (std::size_t i = 0; i < pairs_; ++i) {
      // The product is rounded to f32 before the cosine, as the reference implementations do.
      const float angle = static_cast<float>(positions[row]) * table.inverse_frequencies[i];
      cosines[i] = std::cos(angle) * table.magnitude;
      cosines[pairs_ + i] = std::sin(angle) * table.magnitude;
    }
  }
}

base::Result<void> rope(const RopeAngles& angles, std::size_t first, std::int32_t head_dim, Matrix x) {
  if (first > angles.rows() || x.rows > angles.rows() - first) {
    return base::invalid_argument("rope: rows " + std::to_string(first) + " to " + std::to_string(first + x.rows) +
                                  " of " + std::to_string(angles.rows()));
  }
  const auto dim = static_cast<std::size_t>(head_dim);
  if (head_dim < 1 || x.cols % dim != 0) {
    return base::invalid_argument("rope: " + std::to_string(x.cols) + " columns are not whole heads of " +
                                  std::to_string(head_dim));
  }
  if (2 * angles.pairs() > dim) {
    return base::invalid_argument("rope: " + std::to_string(angles.pairs()) + " pairs do not fit a head of " +
                                  std::to_string(head_dim));
  }
  const auto& kernels = kernels::kernels();
  const auto turn = angles.pairing() == RopePairing::kHalves ? kernels.rope_halves : kernels.rope_interleaved;
  for (std::size_t row = 0; row < x.rows; ++row) {
    for (std::size_t column = 0; column < x.cols; column += dim) {
      turn(angles.cosines(first + row), angles.sines(first + row), angles.pairs(), x.row(row) + column);
    }
  }
  return {};
}

}  // namespace marquee::tensor
