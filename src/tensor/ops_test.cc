#include "tensor/ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tensor/random_floats_test.h"

namespace marquee::tensor {
namespace {

TEST(RmsNorm, DividesByTheRootMeanSquare) {
  for (const std::size_t dim : {1U, 15U, 16U, 576U, 577U}) {
    const auto x = random_floats(3 * dim, 1);
    const auto gamma = random_floats(dim, 2);
    std::vector<float> y(3 * dim);
    ASSERT_TRUE(rms_norm({x.data(), 3, dim}, gamma, 1e-5F, {y.data(), 3, dim}, 1.0F));
    for (std::size_t row = 0; row < 3; ++row) {
      double squares = 0.0;
      for (std::size_t i = 0; i < dim; ++i) squares += std::pow(x[row * dim + i], 2.0);
      const double factor = 1.0 / std::sqrt(squares / static_cast<double>(dim) + 1e-5);
      for (std::size_t i = 0; i < dim; ++i) {
        const double expected = x[row * dim + i] * factor * (gamma[i] + 1.0);
        ASSERT_NEAR(y[row * dim + i], expected, 2e-6 * (1.0 + std::fabs(expected)));
      }
    }
  }
}

TEST(LayerNorm, CentresAndScales) {
  const std::size_t dim = 131;
  auto x = random_floats(2 * dim, 1);
  for (auto& value : x) value += 50.0F;  // a large mean must not swallow the variance
  const auto gamma = random_floats(dim, 2);
  const auto beta = random_floats(dim, 3);
  std::vector<float> y(2 * dim);
  ASSERT_TRUE(layer_norm({x.data(), 2, dim}, gamma, beta, 1e-5F, {y.data(), 2, dim}));
  double mean = 0.0;
  for (std::size_t i = 0; i < dim; ++i) mean += x[i] / static_cast<double>(dim);
  double variance = 0.0;
  for (std::size_t i = 0; i < dim; ++i) variance += std::pow(x[i] - mean, 2.0) / static_cast<double>(dim);
  for (std::size_t i = 0; i < dim; ++i) {
    ASSERT_NEAR(y[i], (x[i] - mean) / std::sqrt(variance + 1e-5) * gamma[i] + beta[i], 5e-5);
  }
  const auto with_beta = y;
  ASSERT_TRUE(layer_norm({x.data(), 2, dim}, gamma, {}, 1e-5F, {y.data(), 2, dim}));
  for (std::size_t i = 0; i < dim; ++i) ASSERT_NEAR(y[i] + beta[i], with_beta[i], 1e-5);
}

TEST(Ops, RefuseShapesThatDisagree) {
  std::vector<float> a(64);
  std::vector<float> b(64);
  const ConstMatrix x(a.data(), 2, 8);
  const Matrix narrow(b.data(), 2, 7);
  const Matrix same(b.data(), 2, 8);
  const std::vector<float> gamma(8, 1.0F);
  EXPECT_FALSE(rms_norm(x, gamma, 1e-5F, narrow));
  EXPECT_FALSE(rms_norm(x, ConstVector(gamma).first(7), 1e-5F, same));
  EXPECT_FALSE(layer_norm(x, gamma, ConstVector(gamma).first(3), 1e-5F, same));
  EXPECT_FALSE(gated_activation(Activation::kSilu, x, narrow, same));
  EXPECT_FALSE(gated_activation(Activation::kSilu, x, x, narrow));
  EXPECT_FALSE(add(x, narrow));
  EXPECT_FALSE(multiply(x, narrow));
  const auto error = add(x, Matrix(b.data(), 3, 8));
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().message, "add: the result's row count is 3, not 2");
}

TEST(Ops, AddMultiplyAndGateWithinStrides) {
  const auto a = random_floats(40, 1);
  auto b = random_floats(40, 2);
  const auto before = b;
  ASSERT_TRUE(add({a.data(), 2, 17, 20}, {b.data(), 2, 17, 20}));
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(b[i], i % 20 < 17 ? before[i] + a[i] : before[i]);
  b = before;
  ASSERT_TRUE(multiply({a.data(), 2, 17, 20}, {b.data(), 2, 17, 20}));
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(b[i], i % 20 < 17 ? before[i] * a[i] : before[i]);
  b = before;
  const Matrix y(b.data(), 2, 17, 20);
  ASSERT_TRUE(gated_activation(Activation::kSilu, {a.data(), 2, 17, 20}, y, y));
  for (std::size_t i = 0; i < 17; ++i) EXPECT_NEAR(b[i], a[i] / (1.0 + std::exp(-a[i])) * before[i], 2e-6);
}

TEST(Softmax, SumsToOneAndIgnoresMinusInfinity) {
  auto row = random_floats(1001, 1, 5.0F);
  row[3] = -std::numeric_limits<float>::infinity();
  const auto before = row;
  softmax(row);
  double total = 0.0;
  for (const float value : before) total += std::exp(static_cast<double>(value));
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double expected = std::exp(static_cast<double>(before[i])) / total;
    ASSERT_NEAR(row[i], expected, 4e-6 * expected + 1e-12);
  }
  EXPECT_EQ(row[3], 0.0F);
  softmax({});
}

TEST(SoftCap, BoundsWithoutMovingSmallValues) {
  std::vector<float> x = {0.0F, 1e-4F, -3.0F, 29.0F, 1000.0F, -1e30F};
  const auto before = x;
  soft_cap(30.0F, {x.data(), 1, x.size()});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = 30.0 * std::tanh(static_cast<double>(before[i]) / 30.0);
    EXPECT_NEAR(x[i], expected, 1e-6 * std::fabs(expected));
  }
}

void expect_rotated(RopePairing pairing) {
  const std::vector<float> frequencies = {1.0F, 0.1F, 0.01F, 0.001F, 0.5F};
  const std::vector<std::int32_t> positions = {0, 7, 5000};
  const auto before = random_floats(3 * 28, 1);  // two heads of 14, of which 10 dimensions turn
  auto x = before;
  RopeAngles angles;
  angles.assign({frequencies, 1.5F, pairing}, positions);
  ASSERT_TRUE(rope(angles, 0, 14, {x.data(), 2, 28}));
  ASSERT_TRUE(rope(angles, 2, 14, {x.data() + 56, 1, 28}));
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t head = 0; head < 2; ++head) {
      const float* was = before.data() + row * 28 + head * 14;
      const float* is = x.data() + row * 28 + head * 14;
      for (std::size_t i = 0; i < 5; ++i) {
        const double angle = static_cast<float>(positions[row]) * frequencies[i];
        const std::size_t a = pairing == RopePairing::kHalves ? i : 2 * i;
        const std::size_t b = pairing == RopePairing::kHalves ? i + 5 : 2 * i + 1;
        ASSERT_NEAR(is[a], 1.5 * (was[a] * std::cos(angle) - was[b] * std::sin(angle)), 3e-6);
        ASSERT_NEAR(is[b], 1.5 * (was[b] * std::cos(angle) + was[a] * std::sin(angle)), 3e-6);
      }
      for (std::size_t i = 10; i < 14; ++i) ASSERT_EQ(is[i], was[i]);
    }
  }
}

TEST(Rope, TurnsPairsOfHalves) { expect_rotated(RopePairing::kHalves); }
TEST(Rope, TurnsInterleavedPairs) { expect_rotated(RopePairing::kInterleaved); }

TEST(Rope, RefusesWhatDoesNotFit) {
  const std::vector<float> frequencies = {1.0F, 0.1F};
  const std::vector<std::int32_t> positions = {0, 1};
  std::vector<float> x(32);
  RopeAngles angles;
  angles.assign({frequencies}, positions);
  EXPECT_TRUE(rope(angles, 0, 4, {x.data(), 2, 16}));
  EXPECT_FALSE(rope(angles, 0, 4, {x.data(), 3, 8}));
  EXPECT_FALSE(rope(angles, 1, 4, {x.data(), 2, 16}));
  EXPECT_FALSE(rope(angles, 3, 4, {x.data(), 0, 16}));
  EXPECT_FALSE(rope(angles, 0, 5, {x.data(), 2, 16}));
  EXPECT_FALSE(rope(angles, 0, 2, {x.data(), 2, 16}));
  EXPECT_FALSE(rope(angles, 0, 0, {x.data(), 2, 16}));
}

}  // namespace
}  // namespace marquee::tensor
