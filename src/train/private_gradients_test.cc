#include "train/private_gradients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tensor/autograd/graph.h"
#include "tensor/autograd/scope.h"
#include "train/secret_random.h"
#include "train/small_classifier_test.h"

namespace marquee::train {
namespace {

using tensor::autograd::ComputeScope;

std::vector<float> noise(unsigned threads, const SecretRandom& random, std::int64_t step, std::size_t count) {
  base::ThreadPool pool(threads);
  const ComputeScope scope(pool, 1);
  std::vector<float> values(count);
  random.add_gaussian(step, 3, 2.0, values);
  return values;
}

TEST(SecretRandomTest, NoiseIsGaussian) {
  const std::vector<float> values = noise(2, SecretRandom::seeded(1), 0, 1'000'001);
  double mean = 0.0, square = 0.0, fourth = 0.0, neighbours = 0.0;
  const auto count = static_cast<double>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double z = values[i] / 2.0;
    mean += z / count;
    square += z * z / count;
    fourth += z * z * z * z / count;
    if (i > 0) neighbours += z * values[i - 1] / 2.0 / count;
  }
  EXPECT_NEAR(mean, 0.0, 0.005);
  EXPECT_NEAR(square, 1.0, 0.01);
  EXPECT_NEAR(fourth, 3.0, 0.08);
  EXPECT_NEAR(neighbours, 0.0, 0.005);
  const float largest = *std::max_element(values.begin(), values.end());
  EXPECT_GT(largest, 2.0F * 4.0F);  // of a million about 32 lie beyond 4
  EXPECT_LT(largest, 2.0F * 7.0F);
}

TEST(SecretRandomTest, NumbersDependOnKeyStepAndPlaceAlone) {
  const auto random = SecretRandom::seeded(1);
  const auto values = noise(1, random, 5, 10'000);
  EXPECT_EQ(values, noise(3, random, 5, 10'000));
  EXPECT_EQ(std::vector<float>(values.begin(), values.begin() + 777), noise(2, random, 5, 777));
  EXPECT_NE(values, noise(1, random, 6, 10'000));
  EXPECT_NE(values, noise(1, SecretRandom::seeded(2), 5, 10'000));
  EXPECT_NE(noise(1, SecretRandom::fresh(), 5, 10), noise(1, SecretRandom::fresh(), 5, 10));
  EXPECT_EQ(random.sample(4, 5000, 0.1), random.sample(4, 5000, 0.1));
  EXPECT_NE(random.sample(4, 5000, 0.1), random.sample(5, 5000, 0.1));
  EXPECT_TRUE(random.sample(4, 5000, 0.0).empty());
  EXPECT_EQ(random.sample(4, 5000, 1.0).size(), 5000U);
}

class PrivateGradientsTest : public ::testing::Test {
 protected:
  /// Each example's loss is x · w + b, whose gradient is (x, 1).
  void add(PrivateGradients& gradients, std::vector<float> x) {
    weight_.set_gradient(Tensor::from({2}, std::span<const float>(x)));
    bias_.set_gradient(Tensor::full({1}, 1.0F));
    gradients.add_example();
  }
  base::ThreadPool pool_{2};
  ComputeScope scope_{pool_, 1};
  nn::ParameterStore store_{1};
  Tensor weight_ = store_.make("weight", {2}, nn::Initial::constant(0.0F));
  Tensor bias_ = store_.make("bias", {1}, nn::Initial::constant(0.0F));
};

TEST_F(PrivateGradientsTest, EachExampleIsClippedBeforeTheyAreAddedUp) {
  PrivateGradients gradients(store_, {.bound = 3.0, .noise_multiplier = 0.0}, SecretRandom::seeded(1));
  add(gradients, {2.0F, 2.0F});   // norm 3: stays
  add(gradients, {-4.0F, 8.0F});  // norm 9: a third
  gradients.finish(0, 4.0);
  EXPECT_NEAR(weight_.gradient().values()[0], (2.0 - 4.0 / 3.0) / 4.0, 1e-6);
  EXPECT_NEAR(weight_.gradient().values()[1], (2.0 + 8.0 / 3.0) / 4.0, 1e-6);
  EXPECT_NEAR(bias_.gradient().values()[0], (1.0 + 1.0 / 3.0) / 4.0, 1e-6);
  gradients.finish(1, 4.0);
  EXPECT_EQ(weight_.gradient().values()[0], 0.0F) << "begins anew";
}

TEST_F(PrivateGradientsTest, NoiseIsThereWithoutExamplesToo) {
  Tensor many = store_.make("many", {100'000}, nn::Initial::constant(0.0F));
  PrivateGradients gradients(store_, {.bound = 2.0, .noise_multiplier = 1.5}, SecretRandom::seeded(1));
  gradients.finish(0, 10.0);
  double squares = 0.0;
  for (const float value : many.gradient().values()) squares += static_cast<double>(value) * value / 100'000.0;
  EXPECT_NEAR(std::sqrt(squares), 1.5 * 2.0 / 10.0, 0.003);
  EXPECT_NE(weight_.gradient().values()[0], weight_.gradient().values()[1]);
  EXPECT_NE(weight_.gradient().values()[0], many.gradient().values()[0]) << "each parameter has its own";
}

TEST_F(PrivateGradientsTest, WhatDoesNotLearnStaysOut) {
  store_.freeze("weight");
  PrivateGradients gradients(store_, {.bound = 2.0, .noise_multiplier = 1.0}, SecretRandom::seeded(1));
  gradients.finish(0, 1.0);
  EXPECT_FALSE(weight_.gradient().defined());
  EXPECT_TRUE(bias_.gradient().defined());
}

}  // namespace
}  // namespace marquee::train
