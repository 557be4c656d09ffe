#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernels/dtype.h"

namespace marquee::tensor {

/// A tensor as a file holds it: row-major, the last dimension contiguous, bytes borrowed from the mapped file.
/// The source guarantees that `bytes` is exactly as long as shape and dtype say, and that rows hold whole blocks.
struct StoredTensor {
  std::string name;
  kernels::DType dtype = kernels::DType::kF32;
  std::vector<std::int64_t> shape;  ///< outermost first, as PyTorch prints it; a linear weight is [out, in]
  std::span<const std::byte> bytes;

  [[nodiscard]] std::int64_t elements() const {
    std::int64_t count = 1;
    for (const auto extent : shape) count *= extent;
    return count;
  }
};

/// Where layers get their weights from. Implemented by formats (GGUF, safetensors) and by tests.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// @error kNotFound naming the tensor and the file
  [[nodiscard]] virtual base::Result<StoredTensor> find(std::string_view name) const = 0;
  [[nodiscard]] virtual bool contains(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
};

}  // namespace marquee::tensor
