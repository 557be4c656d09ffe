#pragma once

#include <cstddef>
#include <span>

namespace marquee::tensor {

/// A borrowed row-major f32 matrix; row r begins at data + r * stride.
template <typename T>
struct BasicMatrix {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;

  BasicMatrix() = default;
  BasicMatrix(T* data_, std::size_t rows_, std::size_t cols_) : BasicMatrix(data_, rows_, cols_, cols_) {}
  BasicMatrix(T* data_, std::size_t rows_, std::size_t cols_, std::size_t stride_)
      : data(data_), rows(rows_), cols(cols_), stride(stride_) {}

  [[nodiscard]] T* row(std::size_t r) const { return data + r * stride; }
  [[nodiscard]] BasicMatrix slice_rows(std::size_t begin, std::size_t count) const {
    return {data + begin * stride, count, cols, stride};
  }
  [[nodiscard]] BasicMatrix slice_cols(std::size_t begin, std::size_t count) const {
    return {data + begin, rows, count, stride};
  }
  operator BasicMatrix<const T>() const { return {data, rows, cols, stride}; }  // NOLINT: a view of const is implied
};

using Matrix = BasicMatrix<float>;
using ConstMatrix = BasicMatrix<const float>;
using ConstVector = std::span<const float>;

}  // namespace marquee::tensor
