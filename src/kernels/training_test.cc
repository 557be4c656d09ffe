#include "kernels/training.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "kernels/isa_test.h"

namespace marquee::kernels {
namespace {

constexpr std::size_t kCounts[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 577};

/// Every kernel beside its scalar twin, over odd counts and misaligned memory.
class Training : public IsaTest {
 protected:
  [[nodiscard]] const TrainingKernels& wide() const { return *training_kernels_for(GetParam()); }
  [[nodiscard]] static const TrainingKernels& scalar() { return *training_kernels_for(Isa::kScalar); }

  static void expect_near(const Misaligned& actual, const Misaligned& expected, float tolerance) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(actual[i], expected[i], tolerance * (1.0F + std::fabs(expected[i])))
          << "value " << i << " of " << expected.size();
    }
    ASSERT_TRUE(actual.surroundings_intact()) << expected.size() << " values";
  }

  /// body(kernels, count, out) by both; out begins with random values.
  void compare(float tolerance,
               const std::function<void(const TrainingKernels&, std::size_t, Misaligned&)>& body) const {
    for (const std::size_t count : kCounts) {
      for (const std::size_t offset : {0U, 1U, 3U}) {
        Misaligned expected(count, offset, 5);
        Misaligned actual = expected;
        body(scalar(), count, expected);
        body(wide(), count, actual);
        expect_near(actual, expected, tolerance);
      }
    }
  }
};

Misaligned positive(std::size_t count, unsigned seed) {
  Misaligned values(count, 1, seed);
  for (std::size_t i = 0; i < count; ++i) values[i] = 0.05F + std::fabs(values[i]);
  return values;
}

TEST_P(Training, ValueByValue) {
  for (const UnaryOp op :
       {UnaryOp::kNegate, UnaryOp::kAbs, UnaryOp::kSquare, UnaryOp::kSqrt, UnaryOp::kExp, UnaryOp::kLog}) {
    compare(1e-6F, [&](const TrainingKernels& k, std::size_t count, Misaligned& y) {
      k.unary(op, positive(count, 6).data(), count, y.data());
    });
    compare(2e-6F, [&](const TrainingKernels& k, std::size_t count, Misaligned& y) {
      const Misaligned x = positive(count, 6);
      const Misaligned out = positive(count, 7);
      k.unary_gradient(op, x.data(), out.data(), y.data(), count, y.data());
    });
  }
}

TEST_P(Training, AbsHasNoSlopeAtZero) {
  const float x[] = {-2.0F, 0.0F, 3.0F};
  const float dy[] = {1.0F, 1.0F, 1.0F};
  float dx[3];
  wide().unary_gradient(UnaryOp::kAbs, x, x, dy, 3, dx);
  EXPECT_EQ(dx[0], -1.0F);
  EXPECT_EQ(dx[1], 0.0F);
  EXPECT_EQ(dx[2], 1.0F);
}

TEST_P(Training, ActivationGradients) {
  for (const Activation activation :
       {Activation::kIdentity, Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf, Activation::kRelu,
        Activation::kLeakyRelu, Activation::kTanh, Activation::kSigmoid}) {
    compare(3e-6F, [&](const TrainingKernels& k, std::size_t count, Misaligned& dy) {
      const Misaligned x(count, 2, 6, 2.0F);
      Misaligned y = x;
      kernels_for(Isa::kScalar)->activate(activation, y.data(), count);
      k.activation_gradient(activation, needs_input(activation) ? x.data() : nullptr, y.data(), dy.data(), count,
                            dy.data());
    });
  }
}

TEST_P(Training, OneOrTwoRows) {
  for (const BinaryOp op : {BinaryOp::kAdd, BinaryOp::kSubtract, BinaryOp::kMultiply, BinaryOp::kDivide,
                            BinaryOp::kMaximum, BinaryOp::kMinimum, BinaryOp::kGreater, BinaryOp::kEqual}) {
    for (const bool one_a : {false, true}) {
      for (const bool one_b : {false, true}) {
        compare(1e-6F, [&](const TrainingKernels& k, std::size_t count, Misaligned& y) {
          Misaligned a(count, 1, 6);
          const Misaligned b = positive(count, 7);
          a[count / 2] = b[count / 2];
          k.binary(op, {a.data(), b.data(), one_a, one_b, count, y.data()});
        });
      }
    }
  }
}

TEST_P(Training, BrainFloats) {
  const float values[] = {1.0F,
                          1.00390625F,
                          1.01171875F,
                          -3.0e38F,
                          0.1F,
                          std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()};
  const float rounded[] = {1.0F, 1.0F, 1.015625F, -0x1.c400000000000p+127F, 0.10009765625F, values[5], values[6]};
  std::uint16_t stored[7];
  float back[7];
  wide().f32_to_bf16(values, 7, stored);
  wide().bf16_to_f32(stored, 7, back);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(back[i], rounded[i]) << i;
  EXPECT_TRUE(std::isnan(back[6]));
}

TEST_P(Training, LargestOfSeveralRows) {
  for (const std::size_t count : kCounts) {
    Misaligned largest(count, 1, 20);
    Misaligned shares(count, 2, 21);
    const Misaligned before = largest;
    const Misaligned rows[] = {Misaligned(count, 3, 22), Misaligned(count, 0, 23)};
    std::vector<std::int32_t> where(count, 7);
    for (std::int32_t i = 0; i < 2; ++i) wide().keep_largest(rows[i].data(), i, count, largest.data(), where.data());
    for (std::size_t i = 0; i < count; ++i) shares[i] = 0.0F;
    wide().add_where(rows[1].data(), where.data(), 1, count, shares.data());
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(largest[i], std::max({before[i], rows[0][i], rows[1][i]}));
      ASSERT_EQ(largest[i], where[i] == 7 ? before[i] : rows[where[i]][i]);
      ASSERT_EQ(shares[i], where[i] == 1 ? rows[1][i] : 0.0F);
    }
    EXPECT_TRUE(largest.surroundings_intact() && shares.surroundings_intact());
  }
}

TEST_P(Training, Sums) {
  for (const std::size_t count : kCounts) {
    const Misaligned x(count, 1, 6);
    const Misaligned y(count, 3, 7);
    EXPECT_NEAR(wide().sum(x.data(), count), scalar().sum(x.data(), count), 1e-4F) << count;
    EXPECT_NEAR(wide().dot(x.data(), y.data(), count), scalar().dot(x.data(), y.data(), count), 1e-4F) << count;
    EXPECT_NEAR(wide().log_sum_exp(x.data(), count), scalar().log_sum_exp(x.data(), count), 1e-5F) << count;
  }
  const float nothing[] = {-std::numeric_limits<float>::infinity()};
  EXPECT_EQ(wide().log_sum_exp(nothing, 1), nothing[0]);
}

TEST_P(Training, Combinations) {
  compare(1e-6F, [](const TrainingKernels& k, std::size_t count, Misaligned& y) {
    k.add_scaled(0.3F, Misaligned(count, 1, 6).data(), count, y.data());
  });
  compare(1e-6F, [](const TrainingKernels& k, std::size_t count, Misaligned& y) {
    k.add_product(Misaligned(count, 1, 6).data(), Misaligned(count, 2, 7).data(), count, y.data());
  });
  compare(1e-6F, [](const TrainingKernels& k, std::size_t count, Misaligned& y) {
    k.add_squared_difference(Misaligned(count, 1, 6).data(), Misaligned(count, 2, 7).data(), count, y.data());
  });
  compare(1e-6F, [](const TrainingKernels& k, std::size_t count, Misaligned& y) {
    k.multiply_add(y.data(), Misaligned(count, 1, 6).data(), Misaligned(count, 2, 7).data(), count, y.data());
  });
}

TEST_P(Training, SoftmaxGradients) {
  compare(2e-6F, [](const TrainingKernels& k, std::size_t count, Misaligned& dy) {
    Misaligned y(count, 1, 6);
    kernels_for(Isa::kScalar)->softmax(y.data(), count);
    k.softmax_gradient(y.data(), dy.data(), count, dy.data());
  });
  compare(1e-5F, [](const TrainingKernels& k, std::size_t count, Misaligned& dy) {
    Misaligned y(count, 1, 6);
    const float log_sum = scalar().log_sum_exp(y.data(), count);
    for (std::size_t i = 0; i < count; ++i) y[i] -= log_sum;
    k.log_softmax_gradient(y.data(), dy.data(), count, dy.data());
  });
  compare(2e-6F, [](const TrainingKernels& k, std::size_t count, Misaligned& y) {
    k.scaled_softmax(Misaligned(count, 1, 6).data(), 2.5F, 0.3F, -0.01F, count, y.data());
  });
}

TEST_P(Training, NormGradients) {
  for (const bool centred : {true, false}) {
    for (const std::size_t count : kCounts) {
      const Misaligned x(count, 1, 6);
      const Misaligned gamma(count, 2, 7);
      Misaligned expected[] = {Misaligned(count, 0, 8), Misaligned(count, 1, 9), Misaligned(count, 3, 10)};
      Misaligned actual[] = {expected[0], expected[1], expected[2]};
      const auto run = [&](const TrainingKernels& k, Misaligned(&out)[3]) {
        const NormGradientRow row{.x = x.data(),
                                  .gamma = gamma.data(),
                                  .dy = out[0].data(),
                                  .count = count,
                                  .epsilon = 1e-3F,
                                  .dx = out[0].data(),
                                  .dgamma = out[1].data(),
                                  .dbeta = centred ? out[2].data() : nullptr};
        centred ? k.layer_norm_gradient(row) : k.rms_norm_gradient(row);
      };
      run(scalar(), expected);
      run(wide(), actual);
      for (std::size_t i = 0; i < 3; ++i) expect_near(actual[i], expected[i], 2e-5F);
    }
  }
}

TEST_P(Training, RecurrentCells) {
  for (const std::size_t hidden : kCounts) {
    const Misaligned sums(4 * hidden, 1, 6);
    const Misaligned others(4 * hidden, 2, 7);
    const Misaligned state(hidden, 3, 8);
    struct Outputs {
      explicit Outputs(std::size_t n)
          : gates(4 * n, 1, 9), next(n, 1, 10), cell(n, 2, 11), wide(4 * n, 3, 12), more(4 * n, 1, 13) {}
      Misaligned gates, next, cell, wide, more;
    };
    const auto gru = [&](const TrainingKernels& k) {
      Outputs out(hidden);
      k.gru({hidden, sums.data(), others.data(), state.data(), out.gates.data(), out.next.data()});
      k.gru_gradient({hidden, out.gates.data(), others.data(), state.data(), others.data(), out.wide.data(),
                      out.more.data(), out.cell.data()});
      return out;
    };
    const auto lstm = [&](const TrainingKernels& k) {
      Outputs out(hidden);
      Misaligned next_cell(hidden, 1, 14);
      k.lstm({hidden, sums.data(), state.data(), out.gates.data(), next_cell.data(), out.next.data()});
      k.lstm_gradient(
          {hidden, out.gates.data(), state.data(), next_cell.data(), others.data(), out.cell.data(), out.wide.data()});
      return out;
    };
    for (const auto& run : {std::function<Outputs(const TrainingKernels&)>(gru), {lstm}}) {
      const Outputs expected = run(scalar());
      const Outputs actual = run(wide());
      expect_near(actual.gates, expected.gates, 2e-6F);
      expect_near(actual.next, expected.next, 2e-6F);
      expect_near(actual.cell, expected.cell, 3e-6F);
      expect_near(actual.wide, expected.wide, 3e-6F);
      expect_near(actual.more, expected.more, 3e-6F);
    }
  }
}

TEST_P(Training, DropoutMasksHaveTheSameBits) {
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{5}, (std::uint64_t{1} << 32U) - 3}) {
    compare(0.0F, [&](const TrainingKernels& k, std::size_t count, Misaligned& y) {
      k.dropout_mask({.first_counter = first,
                      .stream = 0x123456789ABCDEF0U,
                      .key = 0xFEDCBA9876543210U,
                      .below = 1U << 22U,
                      .kept = 4.0F / 3.0F,
                      .count = count,
                      .y = y.data()});
    });
  }
}

TEST_P(Training, OptimiserSteps) {
  using Step = std::function<void(const TrainingKernels&, const ParameterSlice&)>;
  const Step steps[] = {
      [](const auto& k, const auto& slice) { k.sgd({.rate = 0.1F, .decay = 0.01F}, slice); },
      [](const auto& k, const auto& slice) { k.sgd({.rate = 0.1F, .momentum = 0.9F, .dampening = 0.1F}, slice); },
      [](const auto& k, const auto& slice) { k.sgd({.rate = 0.1F, .momentum = 0.9F, .nesterov = true}, slice); },
      [](const auto& k, const auto& slice) { k.adam({.rate = 0.1F, .root_scale = 2.0F, .decay = 0.1F}, slice); },
      [](const auto& k, const auto& slice) { k.adam({.rate = 0.1F, .shrink = 0.9F}, slice); },
      [](const auto& k, const auto& slice) { k.adagrad({.rate = 0.1F, .decay = 0.1F}, slice); },
      [](const auto& k, const auto& slice) { k.rms_prop({.rate = 0.1F, .decay = 0.1F}, slice); },
      [](const auto& k, const auto& slice) { k.rms_prop({.rate = 0.1F, .momentum = 0.9F}, slice); },
      [](const auto& k, const auto& slice) { k.adadelta({.rate = 0.1F, .decay = 0.1F}, slice); },
      [](const auto& k, const auto& slice) { k.lion({.rate = 0.1F, .shrink = 0.9F}, slice); },
  };
  for (const Step& step : steps) {
    for (const std::size_t count : kCounts) {
      const Misaligned gradient(count, 2, 6);
      Misaligned expected[] = {Misaligned(count, 1, 7), positive(count, 8), positive(count, 9)};
      Misaligned actual[] = {expected[0], expected[1], expected[2]};
      const auto run = [&](const TrainingKernels& k, Misaligned(&out)[3]) {
        step(k, {count, out[0].data(), gradient.data(), out[1].data(), out[2].data()});
      };
      run(scalar(), expected);
      run(wide(), actual);
      for (std::size_t i = 0; i < 3; ++i) expect_near(actual[i], expected[i], 2e-6F);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, Training, testing::ValuesIn(kIsas), isa_name);

}  // namespace
}  // namespace marquee::kernels
