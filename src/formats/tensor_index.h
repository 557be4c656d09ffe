#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/weight_source.h"

namespace marquee::formats {

/// Tensors by name, in the order of their file(s).
class TensorIndex {
 public:
  TensorIndex() = default;
  /// @error kCorrupt naming a tensor that is there twice
  static base::Result<TensorIndex> build(std::vector<tensor::StoredTensor> tensors, std::string file_name);

  /// @error kNotFound naming the tensor and the file
  [[nodiscard]] base::Result<tensor::StoredTensor> find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return lookup(name) != nullptr; }
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::uint64_t total_bytes() const { return total_bytes_; }

 private:
  [[nodiscard]] const tensor::StoredTensor* lookup(std::string_view name) const;

  std::vector<tensor::StoredTensor> tensors_;
  std::vector<std::uint32_t> by_name_;  // sorted; a hash table's collisions could be crafted
  std::string file_name_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace marquee::formats
