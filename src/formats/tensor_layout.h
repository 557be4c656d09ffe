#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "kernels/dtype.h"

namespace marquee::formats {

/// The bytes of a row-major tensor.
/// @shape shape: outermost first; empty for a single number
/// @error kCorrupt if the count overflows, an extent is not positive, or a row does not hold whole blocks
base::Result<std::uint64_t> tensor_bytes(kernels::DType dtype, std::span<const std::int64_t> shape);

}  // namespace marquee::formats
