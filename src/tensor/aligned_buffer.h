#pragma once

#include <cstddef>
#include <utility>

#include "base/result.h"

namespace marquee::tensor {

/// Zeroed anonymous memory, aligned to a page; in huge pages where the system has them. Untouched pages cost nothing.
class AlignedBuffer {
 public:
  /// @error kResourceExhausted if the system has no such address space
  static base::Result<AlignedBuffer> allocate(std::size_t bytes);

  AlignedBuffer() = default;
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace marquee::tensor
