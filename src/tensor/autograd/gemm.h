#pragma once

#include <cstddef>

namespace marquee::tensor::autograd {

/// c = alpha · op(a) op(b) + beta · c, row-major f32. Leading dimensions are elements from one row to the next.
struct Gemm {
  bool transpose_a = false;  ///< a: [m, k], or [k, m] if transposed
  bool transpose_b = false;  ///< b: [k, n], or [n, k] if transposed
  std::size_t m = 0, n = 0, k = 0;
  float alpha = 1.0F;
  const float* a = nullptr;
  std::size_t lda = 0;
  const float* b = nullptr;
  std::size_t ldb = 0;
  float beta = 0.0F;  ///< 0: c is not read
  float* c = nullptr;
  std::size_t ldc = 0;

  /// This product's rows [begin, begin + count), or columns.
  [[nodiscard]] Gemm rows(std::size_t begin, std::size_t count) const;
  [[nodiscard]] Gemm columns(std::size_t begin, std::size_t count) const;
};

/// On the calling thread alone: for parts of a loop that the team shares already.
void gemm_here(const Gemm& gemm);
/// Shared by the team of this thread's ComputeScope.
void gemm(const Gemm& gemm);

}  // namespace marquee::tensor::autograd
