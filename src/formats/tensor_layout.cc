#include "formats/tensor_layout.h"

#include <limits>
#include <string>

namespace marquee::formats {

base::Result<std::uint64_t> tensor_bytes(kernels::DType dtype, std::span<const std::int64_t> shape) {
  const auto& info = kernels::dtype_info(dtype);
  std::uint64_t elements = 1;
  for (const auto extent : shape) {
    if (extent <= 0) return base::corrupt("a dimension is " + std::to_string(extent));
    if (__builtin_mul_overflow(elements, static_cast<std::uint64_t>(extent), &elements) ||
        elements > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return base::corrupt("the product of its dimensions overflows");
    }
  }
  const std::uint64_t row = shape.empty() ? 1 : static_cast<std::uint64_t>(shape.back());
  if (row % info.block_elements != 0) {
    return base::corrupt("rows of " + std::to_string(row) + " elements are not whole blocks of " +
                         std::to_string(info.block_elements) + " (" + std::string(info.name) + ")");
  }
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(elements / info.block_elements, static_cast<std::uint64_t>(info.block_bytes), &bytes)) {
    return base::corrupt("its size in bytes overflows");
  }
  return bytes;
}

}  // namespace marquee::formats
