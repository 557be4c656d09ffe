#include "train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "formats/table.h"
#include "tensor/autograd/scope.h"
#include "train/checkpoint.h"
#include "train/small_classifier_test.h"

namespace marquee::train {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using testing::dataset;
using ::testing::HasSubstr;
using testing::points;
using testing::ScratchFolder;
using testing::SmallClassifier;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    settings_.seed = 11;
    settings_.epochs = 0;
    settings_.max_steps = 60;
    settings_.batches.batch_size = 16;
    settings_.schedule = {.kind = nn::ScheduleKind::kCosine, .peak = 0.02F, .warm_up_steps = 5};
  }
  TrainingOutcome run(SmallClassifier& classifier, const TrainingHooks& hooks = {}) {
    auto outcome = train(classifier, {data_, &validation_}, settings_, pool_, hooks);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().message);
    return outcome ? std::move(*outcome) : TrainingOutcome();
  }
  base::Error error() {
    SmallClassifier classifier;
    auto outcome = train(classifier, {data_, &validation_}, settings_, pool_);
    EXPECT_FALSE(outcome);
    return outcome ? base::Error() : outcome.error();
  }
  /// Cancelled after so many steps.
  TrainingOutcome run_until(SmallClassifier& classifier, std::int64_t step) {
    std::atomic<bool> cancel{false};
    settings_.report_every_steps = 1;
    return run(classifier, {.report = [&](const Report& report) { cancel = report.step >= step; }, .cancel = &cancel});
  }

  base::ThreadPool pool_{2};
  TensorDataset data_ = dataset(points(200, 3, 1));
  TensorDataset validation_ = dataset(points(100, 3, 2));
  TrainingSettings settings_;
  ScratchFolder scratch_{"trainer"};
};

TEST_F(TrainerTest, LearnsAndReports) {
  settings_.max_steps = 200;
  SmallClassifier classifier;
  std::vector<Report> reports;
  const auto outcome = run(classifier, {.report = [&](const Report& report) { reports.push_back(report); }});
  EXPECT_EQ(outcome.end, TrainingEnd::kFinished);
  EXPECT_EQ(outcome.steps, 200);
  ASSERT_EQ(outcome.best_validation.size(), 2U);
  EXPECT_GT(outcome.best_validation[1].value, 0.97);
  ASSERT_GE(reports.size(), 20U);
  EXPECT_EQ(reports.back().step, 200);
  EXPECT_EQ(reports.back().total_steps, 200);
  EXPECT_LT(reports.back().loss, 0.5 * reports.front().loss);
  EXPECT_GT(reports.back().examples_per_s, 0.0);
  EXPECT_EQ(reports.back().eta_s, 0.0);
  EXPECT_FALSE(reports.back().validation.empty()) << "the last step is validated";
  EXPECT_NEAR(reports.back().epoch, 200.0 / 13.0, 1e-9);
}

TEST_F(TrainerTest, OneSeedGivesOneResult) {
  SmallClassifier first, second, third;
  run(first);
  run(second);
  EXPECT_EQ(first.values(), second.values());
  settings_.seed = 12;
  run(third);
  EXPECT_NE(first.values(), third.values());
}

TEST_F(TrainerTest, GoesOnBitForBit) {
  struct Case {
    const char* name;
    std::function<void(TrainingSettings&)> change;
  };
  const Case cases[] = {
      {"plain", [](TrainingSettings&) {}},
      {"everything",
       [](TrainingSettings& s) {
         s.average_decay = 0.9;
         s.clip_norm = 0.5;
         s.batches.accumulation = 2;
         s.batches.by_length = true;
         s.validation.every_steps = 7;
         s.schedule = {.kind = nn::ScheduleKind::kPlateau, .peak = 0.05F, .factor = 0.5F, .patience = 0};
       }},
      {"momentum", [](TrainingSettings& s) { s.optimiser = {.method = nn::Method::kSgd, .momentum = 0.9F}; }},
      {"private", [](TrainingSettings& s) { s.privacy = {.noise_multiplier = 1.0, .delta = 1e-3, .seed = 4}; }},
  };
  const TrainingSettings before = settings_;
  for (const Case& one : cases) {
    settings_ = before;
    one.change(settings_);
    SmallClassifier whole;
    const auto expected = run(whole);
    settings_.checkpoints = {.folder = scratch_.path() / one.name, .every_steps = 10};
    for (const std::int64_t stop : {30, 43}) {
      SmallClassifier part;
      const auto outcome = run_until(part, stop);
      EXPECT_EQ(outcome.end, TrainingEnd::kCancelled);
      EXPECT_EQ(outcome.steps, stop);
    }
    SmallClassifier rest({}, 999);
    const auto outcome = run(rest);
    EXPECT_EQ(outcome.resumed_from, 43);
    EXPECT_EQ(outcome.steps, 60);
    EXPECT_EQ(rest.values(), whole.values()) << one.name;
    EXPECT_EQ(outcome.best_step, expected.best_step);
    EXPECT_EQ(outcome.last_loss, expected.last_loss);
    ASSERT_EQ(outcome.last_validation.size(), 2U);
    EXPECT_EQ(outcome.last_validation[0].value, expected.last_validation[0].value);
    SmallClassifier again({}, 7);
    EXPECT_EQ(run(again).resumed_from, 60) << "what is done is not done again";
    EXPECT_EQ(again.values(), whole.values());
  }
}

TEST_F(TrainerTest, BatchNormsStatisticsGoOnToo) {
  const SmallClassifier::Options options{.batch_norm = true};
  SmallClassifier whole(options), part(options), rest(options, 999);
  run(whole);
  settings_.checkpoints = {.folder = scratch_.path(), .every_steps = 10};
  run_until(part, 30);
  run(rest);
  EXPECT_EQ(rest.values(), whole.values());
}

TEST_F(TrainerTest, ADamagedCheckpointIsWarnedOf) {
  settings_.checkpoints = {.folder = scratch_.path(), .every_steps = 10};
  SmallClassifier whole, part, rest;
  run(whole);
  fs::resize_file(scratch_.path() / "step-000000000060" / "model.safetensors", 50);
  std::string warning;
  const auto outcome = run(rest, {.warn = [&](const std::string& message) { warning = message; }});
  EXPECT_EQ(outcome.resumed_from, 50);
  EXPECT_THAT(warning, HasSubstr("truncated"));
  EXPECT_EQ(rest.values(), whole.values());
  settings_.schedule.peak = 0.5F;
  EXPECT_EQ(error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(error().message, HasSubstr("other settings"));
}

TEST_F(TrainerTest, AccumulatedBatchesAreOneLargeBatch) {
  const SmallClassifier::Options options{.dropout = 0.0F};
  SmallClassifier large(options), accumulated(options);
  settings_.batches = {.batch_size = 32, .shuffle = false};
  run(large);
  settings_.batches = {.batch_size = 8, .accumulation = 4, .shuffle = false};
  run(accumulated);
  const auto expected = large.values();
  const auto values = accumulated.values();
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-3);
}

TEST_F(TrainerTest, StopsWhenNothingGetsBetterAndKeepsTheBest) {
  settings_.max_steps = 2000;
  settings_.schedule = {.peak = 0.3F};
  settings_.validation = {.every_steps = 10, .patience = 4};
  SmallClassifier classifier;
  std::vector<std::pair<std::int64_t, double>> losses;
  const auto outcome = run(classifier, {.report = [&](const Report& report) {
                             if (!report.validation.empty())
                               losses.emplace_back(report.step, report.validation[0].value);
                           }});
  EXPECT_EQ(outcome.end, TrainingEnd::kNoLongerBetter);
  EXPECT_EQ(outcome.steps, outcome.best_step + 40);
  double best = HUGE_VAL;
  for (const auto& [step, loss] : losses) best = std::min(best, loss);
  EXPECT_EQ(outcome.best_validation[0].value, best);
  // What the learner has is what was best: validated anew it gives the same.
  base::ThreadPool pool(2);
  const tensor::autograd::ComputeScope scope(pool, 1);
  const tensor::autograd::Recording off(false);
  auto evaluator = classifier.evaluator();
  for (std::int64_t begin = 0; begin < 100; begin += 16) {
    std::vector<std::int64_t> indices;
    for (std::int64_t i = begin; i < std::min<std::int64_t>(100, begin + 16); ++i) indices.push_back(i);
    Batch batch = validation_.batch(indices, {}).value();
    batch.weight = static_cast<double>(batch.examples);
    evaluator->add(batch);
  }
  EXPECT_EQ(evaluator->finish()[0].value, best);
}

TEST_F(TrainerTest, AMetricMayBeBetterWhenHigher) {
  settings_.validation = {.every_steps = 10, .monitor = "accuracy", .higher_is_better = true};
  SmallClassifier classifier;
  double best = 0.0;
  const auto outcome = run(classifier, {.report = [&](const Report& report) {
                             if (!report.validation.empty()) best = std::max(best, report.validation[1].value);
                           }});
  EXPECT_EQ(outcome.best_validation[1].value, best);
}

TEST_F(TrainerTest, TheMovingAverageIsWhatIsKept) {
  SmallClassifier plain, averaged;
  run(plain);
  settings_.average_decay = 0.95;
  run(averaged);
  EXPECT_NE(plain.values(), averaged.values());
}

TEST_F(TrainerTest, EndsByTimeAndByEpochs) {
  settings_.max_steps = 100'000'000;
  settings_.time_limit_s = 0.2;
  SmallClassifier classifier;
  const auto outcome = run(classifier);
  EXPECT_EQ(outcome.end, TrainingEnd::kTimeLimit);
  EXPECT_LT(outcome.elapsed_s, 20.0);
  settings_.epochs = 2;
  settings_.time_limit_s = 0.0;
  SmallClassifier other;
  EXPECT_EQ(run(other).steps, 26);
}

TEST_F(TrainerTest, ALossThatIsNoNumberEndsIt) {
  settings_.optimiser = {.method = nn::Method::kSgd};
  settings_.schedule = {.peak = 1e38F};
  const auto broken = error();
  EXPECT_EQ(broken.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(broken.message, HasSubstr("the loss is no number at step"));
}

TEST_F(TrainerTest, NamesTheSettingThatIsWrong) {
  const auto field = [&](const std::function<void(TrainingSettings&)>& change) {
    const TrainingSettings before = settings_;
    change(settings_);
    const std::string name = error().field;
    settings_ = before;
    return name;
  };
  EXPECT_EQ(field([](auto& s) { s.max_steps = 0; }), "epochs");
  EXPECT_EQ(field([](auto& s) { s.epochs = -1; }), "epochs");
  EXPECT_EQ(field([](auto& s) { s.max_steps = -1; }), "max_steps");
  EXPECT_EQ(field([](auto& s) { s.average_decay = 1.0; }), "average_decay");
  EXPECT_EQ(field([](auto& s) { s.clip_norm = -1.0; }), "clip_norm");
  EXPECT_EQ(field([](auto& s) { s.schedule.peak = NAN; }), "schedule.peak");
  EXPECT_EQ(field([](auto& s) { s.report_every_steps = 0; }), "report_every_steps");
  EXPECT_EQ(field([](auto& s) { s.batches.batch_size = 0; }), "batch_size");
  EXPECT_EQ(field([](auto& s) { s.validation.monitor = "f1"; }), "validation.monitor");
  EXPECT_EQ(field([](auto& s) { s.checkpoints = {"x", 0}; }), "checkpoints");
  EXPECT_EQ(field([](auto& s) { s.privacy = {.delta = 0.0}; }), "privacy.delta");
  EXPECT_EQ(field([](auto& s) { s.privacy = {.bound = 0.0, .delta = 0.1}; }), "privacy.bound");
  EXPECT_EQ(field([](auto& s) { s.privacy = {.target_epsilon = 1e-9, .delta = 1e-9}; }), "target_epsilon");
  EXPECT_FALSE(fs::exists("x"));
}

TEST_F(TrainerTest, PrivacyRefusesWhatMixesExamples) {
  settings_.privacy = {.delta = 1e-3};
  SmallClassifier classifier({.batch_norm = true});
  const auto outcome = train(classifier, {data_}, settings_, pool_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().field, "privacy");
}

// From a file of the user's to a classifier, as a job does it: with and without privacy.
TEST_F(TrainerTest, ATableBecomesAClassifier) {
  const auto made = points(3000, 4, 8, 0.25F);
  std::ofstream file(scratch_.path() / "points.csv");
  file << "id;x;y;class\n";
  for (std::size_t i = 0; i < made.classes.size(); ++i) {
    file << i << ';' << made.x[2 * i] << ';' << made.x[2 * i + 1] << ";\"class " << made.classes[i] << "\"\n";
  }
  file.close();
  auto table = formats::open_table(scratch_.path() / "points.csv", {.columns = {{"class"}, {"x"}, {"y"}}});
  ASSERT_TRUE(table) << table.error().message;
  testing::Points training, held_out;
  formats::TableRow row;
  while ((*table)->next(row).value()) {
    testing::Points& part = row.number % 5 == 0 ? held_out : training;
    for (const std::size_t column : {1, 2}) part.x.push_back(static_cast<float>(row.cells[column].as_number().value()));
    part.classes.push_back(row.cells[0].text.back() - '0');
  }
  ASSERT_EQ(held_out.classes.size(), 600U);
  data_ = dataset(training);
  validation_ = dataset(held_out);
  settings_.epochs = 5;
  settings_.max_steps = 0;
  settings_.batches.batch_size = 64;
  SmallClassifier plain({.classes = 4});
  // The classes overlap: nearest-centre, the best rule there is, gets 99.5 %.
  EXPECT_GT(run(plain).best_validation[1].value, 0.985);

  settings_.epochs = 10;
  settings_.batches.batch_size = 128;
  settings_.optimiser = {.method = nn::Method::kSgd, .momentum = 0.9F};
  settings_.schedule = {.peak = 0.5F};
  settings_.privacy = {.bound = 1.0, .target_epsilon = 3.0, .delta = 1e-4, .seed = 3};
  SmallClassifier secret({.classes = 4, .dropout = 0.0F});
  const auto outcome = run(secret);
  ASSERT_TRUE(outcome.epsilon);
  EXPECT_LE(*outcome.epsilon, 3.0);
  EXPECT_GT(*outcome.epsilon, 2.9);
  EXPECT_GT(outcome.noise_multiplier, 0.3);
  EXPECT_GT(outcome.best_validation[1].value, 0.95);
}

}  // namespace
}  // namespace marquee::train
