#pragma once
// Backward passes beside what the forward pass does when each input value moves a little.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"
#include "tensor/random_floats_test.h"

namespace marquee::tensor::autograd {

/// Gives each test two threads and the same random numbers.
class AutogradTest : public testing::Test {
 protected:
  base::ThreadPool pool_{2};
  ComputeScope scope_{pool_, 7};
};

inline Tensor random_tensor(const Shape& shape, unsigned seed, float spread = 1.0F) {
  return Tensor::from(shape, random_floats(static_cast<std::size_t>(shape.elements()), seed, spread));
}

using TensorFunction = std::function<Tensor(std::vector<Tensor>&)>;

/// Σ f(inputs) · r with fixed random r, whose gradient takes in every output.
inline Tensor weighted_sum(const TensorFunction& f, std::vector<Tensor>& inputs) {
  const Tensor y = f(inputs);
  return sum(multiply(y, random_tensor(y.shape(), 99)));
}

/// Compares the gradient of every f32 input. Five points a value: the error of the differences is of fourth order in h.
inline void expect_gradients(const TensorFunction& f, std::vector<Tensor> inputs, float tolerance = 2e-3F,
                             float h = 0.02F) {
  for (Tensor& input : inputs) {
    if (input.dtype() == DType::kF32) input.require_gradient().clear_gradient();  // cases share inputs
  }
  const Random random = ComputeScope::current().random;
  const auto value = [&] {
    const Recording off(false);
    ComputeScope::current().random = random;
    const Tensor y = f(inputs);
    const Tensor r = random_tensor(y.shape(), 99);
    double total = 0.0;
    for (std::int64_t i = 0; i < y.elements(); ++i) total += static_cast<double>(y.data()[i]) * r.data()[i];
    return total;
  };
  ComputeScope::current().random = random;
  backward(weighted_sum(f, inputs));
  for (std::size_t n = 0; n < inputs.size(); ++n) {
    Tensor& input = inputs[n];
    if (input.dtype() != DType::kF32) continue;
    ASSERT_TRUE(input.gradient().defined()) << "input " << n;
    for (std::int64_t i = 0; i < input.elements(); ++i) {
      const float at = input.data()[i];
      const auto moved = [&](float by) {
        input.data()[i] = at + by;
        const double y = value();
        input.data()[i] = at;
        return y;
      };
      const double expected = (8.0 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12.0 * h);
      ASSERT_NEAR(input.gradient().data()[i], expected, tolerance * (1.0 + std::fabs(expected)))
          << "input " << n << " value " << i << " of " << input.shape().to_string();
    }
  }
}

}  // namespace marquee::tensor::autograd
