#include "train/privacy_accountant.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "formats/small_file.h"

namespace marquee::train {
namespace {

using ::testing::HasSubstr;

constexpr double kWithin = 1e-4;

base::json::value goldens() {
  const std::string path = MARQUEE_SOURCE_DIR "/tests/golden/privacy/opacus.json";
  const auto text = formats::read_small_file(path, 1 << 20);
  EXPECT_TRUE(text) << text.error().message;
  return base::parse_json(*text, path).value();
}

double at(const base::json::value& row, std::size_t i) { return row.at(i).to_number<double>(); }

TEST(PrivacyAccountantTest, SpendsWhatOpacusSays) {
  const auto table = goldens();
  ASSERT_GT(table.at("spent").as_array().size(), 500U);
  for (const auto& row : table.at("spent").as_array()) {
    PrivacyAccountant accountant;
    ASSERT_TRUE(accountant.add({at(row, 1), at(row, 0), row.at(2).as_int64()}));
    const double expected = std::max(0.0, at(row, 4));
    EXPECT_NEAR(accountant.epsilon(at(row, 3)).value(), expected, kWithin * expected) << row;
  }
}

TEST(PrivacyAccountantTest, FindsTheNoiseThatOpacusFinds) {
  const auto table = goldens();
  ASSERT_GT(table.at("noise").as_array().size(), 20U);
  for (const auto& row : table.at("noise").as_array()) {
    const auto noise = noise_multiplier_for({at(row, 0), at(row, 1), at(row, 2), row.at(3).as_int64()});
    ASSERT_TRUE(noise) << noise.error().message;
    EXPECT_NEAR(*noise, at(row, 4), kWithin * at(row, 4)) << row;
  }
}

TEST(PrivacyAccountantTest, StretchesAddUp) {
  PrivacyAccountant whole, parts, repeated;
  ASSERT_TRUE(whole.add({1.1, 0.01, 1000}));
  ASSERT_TRUE(parts.add({1.1, 0.01, 400}));
  ASSERT_TRUE(parts.add({1.1, 0.01, 600}));
  ASSERT_TRUE(repeated.add({1.1, 0.01, 10}));
  EXPECT_NEAR(parts.epsilon(1e-5).value(), whole.epsilon(1e-5).value(), 1e-9);
  EXPECT_NEAR(repeated.epsilon(1e-5, 100).value(), whole.epsilon(1e-5).value(), 1e-9);
  ASSERT_TRUE(parts.add({3.0, 0.1, 50}));
  EXPECT_GT(parts.epsilon(1e-5).value(), whole.epsilon(1e-5).value());
}

TEST(PrivacyAccountantTest, KnowsTheEnds) {
  PrivacyAccountant accountant;
  EXPECT_EQ(accountant.epsilon(1e-5).value(), 0.0);
  ASSERT_TRUE(accountant.add({1.0, 0.0, 100}));
  EXPECT_LT(accountant.epsilon(1e-2).value(), 0.2);
  ASSERT_TRUE(accountant.add({0.0, 0.1, 1}));
  EXPECT_TRUE(std::isinf(accountant.epsilon(1e-5).value()));
  EXPECT_DOUBLE_EQ(renyi_divergence(1.0, 2.0, 8.0), 1.0);
  // Whole orders are a finite sum, others two series: neighbours must agree.
  for (const double order : {2.0, 5.0, 31.0}) {
    const double whole = renyi_divergence(0.02, 1.1, order);
    EXPECT_NEAR(renyi_divergence(0.02, 1.1, order + 1e-7), whole, 1e-5 * whole);
  }
}

TEST(PrivacyAccountantTest, NamesTheNumberThatIsWrong) {
  PrivacyAccountant accountant;
  EXPECT_EQ(accountant.add({-1.0, 0.1, 1}).error().field, "noise_multiplier");
  EXPECT_EQ(accountant.add({NAN, 0.1, 1}).error().field, "noise_multiplier");
  EXPECT_EQ(accountant.add({1.0, 1.1, 1}).error().field, "sample_rate");
  EXPECT_EQ(accountant.add({1.0, 0.1, -1}).error().field, "steps");
  EXPECT_EQ(accountant.epsilon(0.0).error().field, "delta");
  EXPECT_EQ(noise_multiplier_for({0.0, 1e-5, 0.1, 10}).error().field, "target_epsilon");
  EXPECT_THAT(noise_multiplier_for({1e-12, 1e-12, 1.0, 1'000'000}).error().message, HasSubstr("no noise keeps to"));
}

}  // namespace
}  // namespace marquee::train
