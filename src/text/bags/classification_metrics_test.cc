#include "text/bags/classification_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace marquee::text::bags {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Labels = std::vector<std::uint32_t>;

TEST(ClassificationMetrics, CountsByHand) {
  const auto metrics = classification_metrics(Labels{0, 0, 1, 1, 1}, Labels{0, 1, 1, 1, 0}, 3);
  ASSERT_TRUE(metrics);
  EXPECT_DOUBLE_EQ(metrics->accuracy, 0.6);
  EXPECT_DOUBLE_EQ(metrics->micro_f1, 0.6);
  EXPECT_THAT(metrics->confusion, ElementsAre(1, 1, 0, 1, 2, 0, 0, 0, 0));
  EXPECT_DOUBLE_EQ(metrics->classes[0].precision, 0.5);
  EXPECT_DOUBLE_EQ(metrics->classes[1].recall, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(metrics->classes[2].f1, 0.0);
  EXPECT_DOUBLE_EQ(metrics->macro_f1, (0.5 + 2.0 / 3.0) / 3.0);
  EXPECT_DOUBLE_EQ(metrics->weighted_f1, 0.5 * 0.4 + 2.0 / 3.0 * 0.6);
  EXPECT_EQ(metrics->classes[1].support, 3U);
}

TEST(ClassificationMetrics, LossAndCalibrationByHand) {
  const std::vector<double> probabilities = {0.9, 0.1, 0.2, 0.8, 0.6, 0.4};
  const Labels right = {0, 0, 0};
  const auto loss = log_loss(probabilities, right, 2);
  ASSERT_TRUE(loss);
  EXPECT_DOUBLE_EQ(*loss, -(std::log(0.9) + std::log(0.2) + std::log(0.6)) / 3.0);
  const auto error = expected_calibration_error(probabilities, right, 2, 10);
  ASSERT_TRUE(error);
  EXPECT_NEAR(*error, (std::fabs(0.9 - 1.0) + std::fabs(0.8 - 0.0) + std::fabs(0.6 - 1.0)) / 3.0, 1e-12);
  const auto one_bin = expected_calibration_error(probabilities, right, 2, 1);
  ASSERT_TRUE(one_bin);
  EXPECT_NEAR(*one_bin, std::fabs((0.9 + 0.8 + 0.6) / 3.0 - 2.0 / 3.0), 1e-12);
  const auto certain_and_wrong = log_loss(std::vector<double>{0.0, 1.0}, Labels{0}, 2);
  ASSERT_TRUE(certain_and_wrong);
  EXPECT_DOUBLE_EQ(*certain_and_wrong, 52.0 * std::log(2.0));
}

TEST(ClassificationMetrics, LabelsByThemselves) {
  const std::vector<Labels> right = {{0, 1}, {}, {1}};
  const auto metrics = label_metrics(right, std::vector<double>{0.9, 0.8, 0.7, 0.1, 0.2, 0.3}, 2);
  ASSERT_TRUE(metrics);
  EXPECT_DOUBLE_EQ(metrics->subset_accuracy, 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(metrics->labels[0].f1, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(metrics->labels[1].f1, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(metrics->micro_f1, 2.0 * 2.0 / (3.0 + 3.0));
}

TEST(ClassificationMetrics, RefusesWhatDoesNotFit) {
  const auto unknown = classification_metrics(Labels{0, 3}, Labels{0, 1}, 3);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("row 1 has label 3"));
  EXPECT_FALSE(classification_metrics(Labels{0}, Labels{0, 1}, 2));
  EXPECT_FALSE(classification_metrics(Labels{}, Labels{}, 2));
  EXPECT_FALSE(log_loss(std::vector<double>{0.5}, Labels{0}, 2));
  EXPECT_FALSE(expected_calibration_error(std::vector<double>{0.5, 0.5}, Labels{0}, 2, 0));
}

}  // namespace
}  // namespace marquee::text::bags
