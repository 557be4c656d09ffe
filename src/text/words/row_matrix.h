#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "tensor/aligned_buffer.h"

namespace marquee::text::words {

/// Rows of f32, each beginning at a cache line and padded with zeros, in huge pages where there are such: training
/// jumps from row to row, and would wait for address translation more than for the rows.
class RowMatrix {
 public:
  RowMatrix() = default;
  /// Zeros. @error kResourceExhausted
  static base::Result<RowMatrix> create(std::size_t rows, std::size_t columns);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  /// Values from a row to the next: columns() rounded up to 16.
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] float* row(std::size_t i) { return data() + i * stride_; }
  [[nodiscard]] const float* row(std::size_t i) const { return data() + i * stride_; }
  [[nodiscard]] std::span<float> padded() { return {data(), rows_ * stride_}; }
  [[nodiscard]] std::span<const float> padded() const { return {data(), rows_ * stride_}; }

 private:
  [[nodiscard]] float* data() const { return reinterpret_cast<float*>(buffer_.data()); }

  tensor::AlignedBuffer buffer_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::size_t stride_ = 0;
};

inline base::Result<RowMatrix> RowMatrix::create(std::size_t rows, std::size_t columns) {
  constexpr std::size_t kLine = 16;
  RowMatrix matrix;
  matrix.rows_ = rows;
  matrix.columns_ = columns;
  matrix.stride_ = (columns + kLine - 1) / kLine * kLine;
  MARQUEE_ASSIGN(matrix.buffer_, tensor::AlignedBuffer::allocate(rows * matrix.stride_ * sizeof(float)));
  return matrix;
}

/// Asks for a row before it is used.
inline void prefetch_row(const float* row, std::size_t values) {
  for (std::size_t i = 0; i < values; i += 16) __builtin_prefetch(row + i, 1);
}

}  // namespace marquee::text::words
