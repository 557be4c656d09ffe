#pragma once
// Flat tensors in a safetensors file: what bags and linear models keep of theirs.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "tensor/weight_source.h"

namespace marquee::text::bags {

/// The type that stands for T in files. Safetensors here knows no unsigned 32-bit type: those are I32, below 2^31.
template <typename T>
constexpr kernels::DType stored_dtype() {
  if constexpr (std::is_same_v<T, float>) return kernels::DType::kF32;
  if constexpr (std::is_same_v<T, double>) return kernels::DType::kF64;
  if constexpr (std::is_same_v<T, char>) return kernels::DType::kU8;
  if constexpr (std::is_same_v<T, std::uint32_t>) return kernels::DType::kI32;
}

/// A tensor of one dimension and at least one element.
struct TensorToWrite {
  std::string name;
  kernels::DType dtype = kernels::DType::kF32;
  std::span<const std::byte> bytes;
  std::size_t elements = 0;

  template <typename T>
  static TensorToWrite of(std::string name, std::span<const T> values) {
    return {std::move(name), stored_dtype<T>(), std::as_bytes(values), values.size()};
  }
};

/// @error kIo
base::Result<void> write_tensor_file(const std::filesystem::path& path, std::span<const TensorToWrite> tensors);
/// @error kIo
base::Result<void> write_text_file(const std::filesystem::path& path, std::string_view text);

/// A safetensors file that was opened for reading.
class TensorFile {
 public:
  /// @error kNotFound, kIo; kUnsupported if it is a symbolic link; else as formats::parse_safetensors
  static base::Result<TensorFile> open(const std::filesystem::path& path);

  /// A copy of a tensor's numbers. @error kCorrupt if it is missing or of another type
  template <typename T>
  [[nodiscard]] base::Result<std::vector<T>> read(std::string_view name) const {
    MARQUEE_ASSIGN(const auto* tensor, find(name, stored_dtype<T>()));
    std::vector<T> values(tensor->bytes.size() / sizeof(T));
    std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
    return values;
  }
  [[nodiscard]] base::Error corrupt(std::string_view name, std::string_view problem) const;
  [[nodiscard]] const std::filesystem::path& path() const { return mapping_.path(); }

 private:
  explicit TensorFile(base::MappedFile mapping) : mapping_(std::move(mapping)) {}
  [[nodiscard]] base::Result<const tensor::StoredTensor*> find(std::string_view name, kernels::DType dtype) const;

  base::MappedFile mapping_;
  std::vector<tensor::StoredTensor> tensors_;
};

}  // namespace marquee::text::bags
