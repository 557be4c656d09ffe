#include "tensor/autograd/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/thread_pool.h"
#include "tensor/autograd/scope.h"
#include "tensor/random_floats_test.h"

namespace marquee::tensor::autograd {
namespace {

struct Sizes {
  std::size_t m, n, k;
};

// Around the sizes at which a team shares a product out by rows or by columns.
constexpr Sizes kSizes[] = {{1, 1, 1},       {1, 300, 70},   {3, 129, 401}, {4, 5, 6},     {13, 33, 17},
                            {14, 32, 400},   {15, 31, 1},    {29, 65, 401}, {64, 32, 64},  {200, 10, 9},
                            {130, 257, 801}, {2100, 40, 30}, {5, 2100, 30}, {40, 30, 2000}};

class Product {
 public:
  Product(const Sizes& sizes, bool transpose_a, bool transpose_b)
      : a_(random_floats((transpose_a ? sizes.k : sizes.m) * ((transpose_a ? sizes.m : sizes.k) + 3), 1)),
        b_(random_floats((transpose_b ? sizes.n : sizes.k) * ((transpose_b ? sizes.k : sizes.n) + 2), 2)),
        before_(random_floats(sizes.m * (sizes.n + 1), 3)),
        c(before_),
        gemm{.transpose_a = transpose_a,
             .transpose_b = transpose_b,
             .m = sizes.m,
             .n = sizes.n,
             .k = sizes.k,
             .a = a_.data(),
             .lda = (transpose_a ? sizes.m : sizes.k) + 3,
             .b = b_.data(),
             .ldb = (transpose_b ? sizes.k : sizes.n) + 2,
             .c = c.data(),
             .ldc = sizes.n + 1} {}

  /// What c[i][j] should be; columns behind the last are not written.
  [[nodiscard]] double expected(std::size_t i, std::size_t j) const {
    const double before = before_[i * gemm.ldc + j];
    if (j >= gemm.n) return before;
    double sum = 0.0;
    for (std::size_t p = 0; p < gemm.k; ++p) {
      sum += static_cast<double>(a_[gemm.transpose_a ? p * gemm.lda + i : i * gemm.lda + p]) *
             b_[gemm.transpose_b ? j * gemm.ldb + p : p * gemm.ldb + j];
    }
    return gemm.alpha * sum + (gemm.beta == 0.0F ? 0.0 : gemm.beta * before);
  }

 private:
  std::vector<float> a_;
  std::vector<float> b_;
  std::vector<float> before_;

 public:
  std::vector<float> c;
  Gemm gemm;
};

TEST(Gemm, IsTheSumOfProducts) {
  base::ThreadPool pool(2);
  const ComputeScope scope(pool, 1);
  for (const Sizes& sizes : kSizes) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        for (const float beta : {0.0F, 1.0F, 0.5F}) {
          Product product(sizes, transpose_a, transpose_b);
          product.gemm.alpha = beta == 1.0F ? 1.0F : -1.5F;
          product.gemm.beta = beta;
          gemm(product.gemm);
          const double tolerance = 5e-6 * std::sqrt(static_cast<double>(sizes.k)) + 1e-5;
          for (std::size_t i = 0; i < sizes.m; i += 1 + sizes.m / 50) {
            for (std::size_t j = 0; j <= sizes.n; j += 1 + sizes.n / 50) {
              ASSERT_NEAR(product.c[i * product.gemm.ldc + j], product.expected(i, j), tolerance)
                  << sizes.m << " x " << sizes.n << " x " << sizes.k << (transpose_a ? ", aᵀ" : "")
                  << (transpose_b ? ", bᵀ" : "") << " at " << i << ", " << j;
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace marquee::tensor::autograd
