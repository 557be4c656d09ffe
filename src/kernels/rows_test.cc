#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "kernels/half.h"
#include "kernels/isa_test.h"

namespace marquee::kernels {
namespace {

class Rows : public IsaTest {
 protected:
  /// Runs `body` on twins of many sizes and offsets and compares what it left in them.
  void compare(float tolerance, const std::function<void(const Kernels&, Misaligned&)>& body, float spread = 2.0F) {
    for (const std::size_t count : {1U, 2U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 33U, 64U, 100U, 577U}) {
      for (const std::size_t offset : {0U, 1U, 3U}) {
        Misaligned expected(count, offset, 5, spread);
        Misaligned actual = expected;
        body(scalar(), expected);
        body(wide(), actual);
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_NEAR(actual[i], expected[i], tolerance * (1.0F + std::fabs(expected[i])))
              << "count " << count << " offset " << offset << " value " << i;
        }
        ASSERT_TRUE(actual.surroundings_intact()) << "count " << count << " offset " << offset;
      }
    }
  }
};

TEST_P(Rows, RmsNorm) {
  compare(2e-6F, [](const Kernels& kernels, Misaligned& x) {
    const Misaligned gamma(x.size(), 1, 6);
    kernels.rms_norm({.x = x.data(),
                      .gamma = gamma.data(),
                      .count = x.size(),
                      .epsilon = 1e-5F,
                      .gamma_offset = 0.5F,
                      .y = x.data()});
  });
}

TEST_P(Rows, LayerNorm) {
  compare(1e-5F, [](const Kernels& kernels, Misaligned& x) {
    const Misaligned gamma(x.size(), 1, 6);
    const Misaligned beta(x.size(), 2, 7);
    NormRow row{.x = x.data(), .gamma = gamma.data(), .count = x.size(), .epsilon = 1e-3F, .y = x.data()};
    kernels.layer_norm(row);
    row.beta = beta.data();
    kernels.layer_norm(row);
  });
}

TEST_P(Rows, Softmax) {
  compare(
      1e-6F,
      [](const Kernels& kernels, Misaligned& x) {
        if (x.size() > 2) x[1] = -std::numeric_limits<float>::infinity();
        kernels.softmax(x.data(), x.size());
        if (x.size() > 2) {
          EXPECT_EQ(x[1], 0.0F);
        }
      },
      8.0F);
}

TEST_P(Rows, Activations) {
  for (const Activation activation :
       {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf, Activation::kRelu}) {
    compare(1e-6F, [&](const Kernels& kernels, Misaligned& x) { kernels.activate(activation, x.data(), x.size()); });
    compare(2e-6F, [&](const Kernels& kernels, Misaligned& x) {
      const Misaligned up(x.size(), 3, 8);
      kernels.gated_activation(activation, x.data(), up.data(), x.size(), x.data());
    });
  }
}

TEST_P(Rows, AddMultiplySoftCap) {
  compare(0.0F, [](const Kernels& kernels, Misaligned& x) {
    const Misaligned other(x.size(), 1, 9);
    kernels.add(other.data(), x.size(), x.data());
    kernels.multiply(other.data(), x.size(), x.data());
  });
  compare(1e-6F, [](const Kernels& kernels, Misaligned& x) { kernels.soft_cap(3.0F, x.data(), x.size()); });
}

TEST_P(Rows, Rope) {
  for (const bool halves : {true, false}) {
    compare(1e-6F, [&](const Kernels& kernels, Misaligned& x) {
      const std::size_t half = x.size() / 2;
      const Misaligned cosines(half, 1, 10);
      const Misaligned sines(half, 2, 11);
      (halves ? kernels.rope_halves : kernels.rope_interleaved)(cosines.data(), sines.data(), half, x.data());
    });
  }
}

TEST_P(Rows, HalfConversion) {
  compare(0.0F, [](const Kernels& kernels, Misaligned& x) {
    if (x.size() > 3) x[2] = 1e-6F;  // a subnormal
    if (x.size() > 4) x[3] = 1e30F;  // an infinity
    std::vector<std::uint16_t> half(x.size() + 2, 0x1234);
    kernels.f32_to_f16(x.data(), x.size(), half.data() + 1);
    EXPECT_EQ(half.front(), 0x1234);
    EXPECT_EQ(half.back(), 0x1234);
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(half[i + 1], f32_to_f16(x[i]));
    kernels.f16_to_f32(half.data() + 1, x.size(), x.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(x[i], f16_to_f32(half[i + 1]));
      if (std::isinf(x[i])) x[i] = 0.0F;  // the comparison of twins wants numbers
    }
  });
}

// The vector exponential, tanh and erf are exercised through the functions made of them, over their whole range.
TEST_P(Rows, ElementaryFunctionsStayWithinTheirErrorBounds) {
  struct Case {
    Activation activation;
    double (*exact)(double);
    double relative;
  };
  const Case cases[] = {
      {Activation::kSilu, [](double x) { return x / (1.0 + std::exp(-x)); }, 4e-7},
      // Far in the tail the argument of the exponential, rounded to f32, loses digits in proportion to its size.
      {Activation::kGeluTanh,
       [](double x) { return x / (1.0 + std::exp(-2.0 * std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x))); }, 1e-6},
      {Activation::kGeluErf, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, 1e-6},
  };
  for (const Case& one : cases) {
    for (double x = -6.0; x < 12.0; x += 0.0009765625) {
      auto value = static_cast<float>(x);
      wide().activate(one.activation, &value, 1);
      const double exact = one.exact(static_cast<float>(x));
      ASSERT_NEAR(value, exact, one.relative * std::fabs(exact) * (x < -1.0 ? x * x : 1.0) + 1e-12)
          << "x " << x << " activation " << static_cast<int>(one.activation);
    }
  }
}

TEST_P(Rows, ExponentialIsExactAtItsEnds) {
  const float infinity = std::numeric_limits<float>::infinity();
  // silu(x) = x / (1 + e^-x)
  float x[] = {-infinity, -1000.0F, -100.0F, 0.0F, 100.0F, 3e38F, std::numeric_limits<float>::quiet_NaN()};
  wide().activate(Activation::kSilu, x, 7);
  EXPECT_EQ(x[1], -0.0F);
  EXPECT_NEAR(x[2], 0.0F, 1e-36F);
  EXPECT_EQ(x[3], 0.0F);
  EXPECT_EQ(x[4], 100.0F);
  EXPECT_EQ(x[5], 3e38F);
  EXPECT_TRUE(std::isnan(x[6]));
  float capped[] = {infinity, -infinity, 1e-20F, 0.62F * 30, 0.63F * 30};
  wide().soft_cap(30.0F, capped, 5);
  EXPECT_EQ(capped[0], 30.0F);
  EXPECT_EQ(capped[1], -30.0F);
  EXPECT_FLOAT_EQ(capped[2], 1e-20F);
  EXPECT_FLOAT_EQ(capped[3], static_cast<float>(30.0 * std::tanh(0.62)));
  EXPECT_FLOAT_EQ(capped[4], static_cast<float>(30.0 * std::tanh(0.63)));
}

INSTANTIATE_TEST_SUITE_P(Isa, Rows, testing::ValuesIn(kIsas), isa_name);

}  // namespace
}  // namespace marquee::kernels
