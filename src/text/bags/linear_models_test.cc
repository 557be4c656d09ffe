#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "text/bags/linear_model.h"
#include "text/bags/linear_svm.h"
#include "text/bags/logistic_loss.h"
#include "text/bags/logistic_regression.h"
#include "text/bags/naive_bayes.h"

namespace marquee::text::bags {
namespace {

using ::testing::HasSubstr;

struct Problem {
  CsrMatrix rows;
  std::vector<std::uint32_t> labels;
};

/// Rows whose features lean towards one class each, with noise.
Problem make_problem(std::size_t count, std::uint32_t features, std::uint32_t classes) {
  std::mt19937 random(11);
  Problem problem;
  problem.rows.columns = features;
  for (std::size_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::uint32_t>(random() % classes);
    problem.labels.push_back(label);
    for (std::uint32_t feature = 0; feature < features; ++feature) {
      const bool leans = feature % classes == label;
      if (random() % 100 >= (leans ? 30U : 12U)) continue;
      problem.rows.column_ids.push_back(feature);
      problem.rows.values.push_back(0.2F + static_cast<float>(random() % 100) / 100.0F);
    }
    problem.rows.row_offsets.push_back(problem.rows.column_ids.size());
  }
  return problem;
}

double accuracy(const LinearModel& model, const Problem& problem) {
  base::ThreadPool pool(1);
  const auto guessed = model.predict(problem.rows, pool);
  std::size_t right = 0;
  for (std::size_t i = 0; i < guessed.size(); ++i) right += guessed[i] == problem.labels[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(guessed.size());
}

/// mean loss + (1 - l1_ratio) / (2 c n) |w|^2 + l1_ratio / (c n) |w|, from the model alone.
double objective(const LinearModel& model, const Problem& problem, const LogisticOptions& options) {
  std::vector<double> probabilities(model.classes);
  double sum = 0.0;
  for (std::size_t i = 0; i < problem.labels.size(); ++i) {
    EXPECT_TRUE(model.probabilities(problem.rows.row(i), probabilities));
    sum -= std::log(probabilities[problem.labels[i]]);
  }
  double squares = 0.0;
  double absolutes = 0.0;
  for (const double weight : model.weights) {
    squares += weight * weight;
    absolutes += std::fabs(weight);
  }
  return (sum + (0.5 * (1.0 - options.l1_ratio) * squares + options.l1_ratio * absolutes) / options.c) /
         static_cast<double>(problem.labels.size());
}

TEST(SparseMatrix, MultipliesByRowsAndByColumns) {
  const Problem problem = make_problem(700, 13, 3);
  base::ThreadPool pool(2);
  const CsrMatrix by_feature = transpose(problem.rows);
  ASSERT_EQ(by_feature.rows(), 13U);
  ASSERT_EQ(by_feature.columns, 700U);
  for (const std::size_t width : {std::size_t{1}, std::size_t{3}}) {
    std::vector<double> dense(700 * width);
    for (std::size_t i = 0; i < dense.size(); ++i) dense[i] = std::sin(static_cast<double>(i));
    std::vector<double> expected(13 * width);
    for (std::size_t i = 0; i < 700; ++i) {
      const SparseRow row = problem.rows.row(i);
      for (std::size_t j = 0; j < row.size(); ++j) {
        for (std::size_t k = 0; k < width; ++k)
          expected[row.columns[j] * width + k] += row.values[j] * dense[i * width + k];
      }
    }
    std::vector<double> out(13 * width);
    multiply(by_feature, dense, width, out, pool);
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], expected[i], 1e-10);
  }
}

TEST(LogisticLoss, DerivativesAgreeWithDifferences) {
  base::ThreadPool pool(1);
  const std::vector<std::uint32_t> labels = {0, 1, 1, 0, 1};
  const std::vector<double> weights = {1.0, 2.5, 0.5};
  for (const std::size_t outputs : {std::size_t{1}, std::size_t{3}}) {
    LogisticLoss loss(labels, weights, outputs, pool);
    std::vector<double> scores(5 * outputs);
    std::vector<double> direction(5 * outputs);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      scores[i] = 3.0 * std::sin(static_cast<double>(i + 1));
      direction[i] = std::cos(static_cast<double>(3 * i));
    }
    constexpr double kStep = 1e-4;
    const LinePoint before = loss.evaluate(scores, direction, 0.7 - kStep);
    const LinePoint after = loss.evaluate(scores, direction, 0.7 + kStep);
    const LinePoint at = loss.evaluate(scores, direction, 0.7);
    EXPECT_NEAR(at.slope, (after.loss - before.loss) / (2 * kStep), 1e-7);
    EXPECT_NEAR(at.curvature, (after.slope - before.slope) / (2 * kStep), 1e-7);
    double slope = 0.0;
    for (std::size_t i = 0; i < direction.size(); ++i) slope += loss.residuals()[i] * direction[i];
    EXPECT_NEAR(slope, at.slope, 1e-12);
  }
}

TEST(LogisticRegression, NothingNearbyIsBetter) {
  base::ThreadPool pool(2);
  for (const std::uint32_t classes : {2U, 3U}) {
    const Problem problem = make_problem(900, 24, classes);
    for (const double l1_ratio : {0.0, 0.5, 1.0}) {
      LogisticOptions options{
          .c = l1_ratio == 1.0 ? 0.03 : 0.3, .l1_ratio = l1_ratio, .tolerance = 1e-8, .max_iterations = 5000};
      TrainingOutcome outcome;
      const auto model = train_logistic(problem.rows, problem.labels, classes, options, pool, &outcome);
      ASSERT_TRUE(model) << model.error().message;
      EXPECT_TRUE(outcome.converged);
      const double best = objective(*model, problem, options);
      EXPECT_NEAR(best, outcome.objective, 1e-6);
      for (std::size_t i = 0; i < model->weights.size(); i += 5) {
        for (const float step : {-0.02F, 0.02F}) {
          LinearModel other = *model;
          other.weights[i] += step;
          EXPECT_GT(objective(other, problem, options), best) << classes << " classes, l1_ratio " << l1_ratio;
        }
      }
      LinearModel other = *model;
      other.bias[0] += 0.02;
      EXPECT_GT(objective(other, problem, options), best);
      if (l1_ratio == 0.0) {
        EXPECT_GT(accuracy(*model, problem), 1.2 / classes);
      }
      const auto zeros = std::count(model->weights.begin(), model->weights.end(), 0.0F);
      if (l1_ratio == 1.0) {
        EXPECT_GT(zeros, 0) << "absolute weights leave features out";
      }
    }
  }
}

TEST(LogisticRegression, ThreadsChangeNothing) {
  const Problem problem = make_problem(3000, 40, 3);
  base::ThreadPool one(1);
  base::ThreadPool three(3);
  const auto alone = train_logistic(problem.rows, problem.labels, 3, {}, one);
  const auto together = train_logistic(problem.rows, problem.labels, 3, {}, three);
  ASSERT_TRUE(alone && together);
  EXPECT_EQ(alone->weights, together->weights);
  EXPECT_EQ(alone->bias, together->bias);
}

TEST(LogisticRegression, RefusesWhatCannotBeLearnt) {
  const Problem problem = make_problem(30, 5, 2);
  base::ThreadPool pool(1);
  const auto message = [&](std::span<const std::uint32_t> labels, std::uint32_t classes, LogisticOptions options) {
    const auto model = train_logistic(problem.rows, labels, classes, options, pool);
    EXPECT_FALSE(model);
    return model ? "" : model.error().message;
  };
  EXPECT_THAT(message(problem.labels, 3, {}), HasSubstr("class 2 has no row"));
  EXPECT_THAT(message(std::span(problem.labels).first(5), 2, {}), HasSubstr("5 labels for 30 rows"));
  EXPECT_THAT(message(problem.labels, 1, {}), HasSubstr("2 to 65,536 classes"));
  EXPECT_THAT(message(problem.labels, 2, {.c = 0.0}), HasSubstr("c must be"));
  EXPECT_THAT(message(problem.labels, 2, {.l1_ratio = 1.5}), HasSubstr("l1_ratio"));
}

TEST(LabelLogistic, LearnsEveryLabelByItself) {
  const Problem problem = make_problem(600, 12, 3);
  std::vector<std::vector<std::uint32_t>> labels;
  std::vector<std::uint32_t> is_one;
  for (const std::uint32_t label : problem.labels) {
    labels.push_back(label == 0 ? std::vector<std::uint32_t>{} : std::vector<std::uint32_t>{label - 1});
    is_one.push_back(label == 1 ? 1 : 0);
  }
  base::ThreadPool pool(1);
  const auto model = train_label_logistic(problem.rows, labels, 2, {}, pool);
  ASSERT_TRUE(model) << model.error().message;
  const auto alone = train_logistic(problem.rows, is_one, 2, {}, pool);
  ASSERT_TRUE(alone);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(model->weights[2 * i], alone->weights[i]);
  std::vector<double> probabilities(2);
  ASSERT_TRUE(model->probabilities(problem.rows.row(0), probabilities));
  EXPECT_EQ(model->link, Link::kLabels);
  labels.assign(labels.size(), {0});
  const auto refused = train_label_logistic(problem.rows, labels, 2, {}, pool);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("label 0 is on every row"));
}

TEST(LinearSvm, NothingNearbyIsBetter) {
  const Problem problem = make_problem(500, 20, 2);
  base::ThreadPool pool(1);
  for (const auto loss : {HingeLoss::kHinge, HingeLoss::kSquaredHinge}) {
    const SvmOptions options{.loss = loss, .c = 0.5, .tolerance = 1e-8, .max_iterations = 20000};
    const auto model = train_svm(problem.rows, problem.labels, 2, options, pool);
    ASSERT_TRUE(model) << model.error().message;
    const auto value = [&](const LinearModel& of) {
      double sum = of.bias[0] * of.bias[0] / 2.0;
      for (const double weight : of.weights) sum += weight * weight / 2.0;
      for (std::size_t i = 0; i < problem.labels.size(); ++i) {
        double score = 0.0;
        of.scores(problem.rows.row(i), std::span(&score, 1));
        const double short_by = std::max(0.0, 1.0 - (problem.labels[i] == 1 ? score : -score));
        sum += options.c * (loss == HingeLoss::kHinge ? short_by : short_by * short_by);
      }
      return sum;
    };
    const double best = value(*model);
    for (std::size_t i = 0; i < 20; ++i) {
      for (const float step : {-0.02F, 0.02F}) {
        LinearModel other = *model;
        other.weights[i] += step;
        EXPECT_GT(value(other), best);
      }
    }
    std::vector<double> none(2);
    const auto probabilities = model->probabilities(problem.rows.row(0), none);
    ASSERT_FALSE(probabilities);
    EXPECT_EQ(probabilities.error().code, base::ErrorCode::kUnsupported);
  }
}

TEST(LinearSvm, ClassesInParallelAreThoseAlone) {
  const Problem problem = make_problem(600, 30, 3);
  base::ThreadPool one(1);
  base::ThreadPool two(2);
  const auto alone = train_svm(problem.rows, problem.labels, 3, {}, one);
  const auto together = train_svm(problem.rows, problem.labels, 3, {}, two);
  ASSERT_TRUE(alone && together);
  EXPECT_EQ(alone->weights, together->weights);
  EXPECT_GT(accuracy(*alone, problem), 0.5);
}

TEST(NaiveBayes, ComputesByHand) {
  Problem problem;
  problem.rows.columns = 2;
  problem.rows.row_offsets = {0, 2, 3};
  problem.rows.column_ids = {0, 1, 1};
  problem.rows.values = {3.0F, 1.0F, 2.0F};
  problem.labels = {0, 1};
  const auto model = train_naive_bayes(problem.rows, problem.labels, 2, {});
  ASSERT_TRUE(model);
  EXPECT_FLOAT_EQ(model->weights[0], static_cast<float>(std::log(4.0 / 6.0)));
  EXPECT_FLOAT_EQ(model->weights[1], static_cast<float>(std::log(1.0 / 4.0)));
  EXPECT_FLOAT_EQ(model->weights[2], static_cast<float>(std::log(2.0 / 6.0)));
  EXPECT_FLOAT_EQ(model->weights[3], static_cast<float>(std::log(3.0 / 4.0)));
  EXPECT_DOUBLE_EQ(model->bias[0], std::log(0.5));
  problem.rows.values[2] = -1.0F;
  const auto refused = train_naive_bayes(problem.rows, problem.labels, 2, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("row 1 has a negative value in column 1"));
}

TEST(Temperature, TakesBackConfidenceThatIsNotDue) {
  const Problem problem = make_problem(2000, 24, 3);
  base::ThreadPool pool(2);
  auto model = train_logistic(problem.rows, problem.labels, 3, {}, pool);
  ASSERT_TRUE(model);
  const auto calibrated = fit_temperature(*model, problem.rows, problem.labels, pool);
  ASSERT_TRUE(calibrated);
  for (float& weight : model->weights) weight *= 5.0F;
  for (double& bias : model->bias) bias *= 5.0;
  const auto overconfident = fit_temperature(*model, problem.rows, problem.labels, pool);
  ASSERT_TRUE(overconfident);
  EXPECT_NEAR(*overconfident, 5.0 * *calibrated, 1e-4);
  EXPECT_NEAR(*calibrated, 1.0, 0.1) << "a logistic regression of its own training rows needs none";
}

}  // namespace
}  // namespace marquee::text::bags
