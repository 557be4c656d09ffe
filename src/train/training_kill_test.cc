// A training process that is killed again and again ends with the same bits.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <thread>

#include "train/curve_log.h"
#include "train/small_classifier_test.h"
#include "train/trainer.h"

namespace marquee::train {
namespace {

namespace fs = std::filesystem;
using testing::SmallClassifier;

constexpr const char* kFolderVariable = "MARQUEE_TRAINING_KILL_FOLDER";

/// What the child does: trains in the folder, and leaves its parameters in "result".
void train_in(const fs::path& folder) {
  base::ThreadPool pool(2);
  const auto data = testing::dataset(testing::points(400, 3, 1));
  const auto validation = testing::dataset(testing::points(60, 3, 2));
  TrainingSettings settings;
  settings.epochs = 0;
  settings.max_steps = 240;
  settings.batches.batch_size = 32;
  settings.average_decay = 0.9;
  settings.validation.every_steps = 20;
  settings.checkpoints = {folder / "checkpoints", 3, 2};
  settings.report_every_steps = 1;
  SmallClassifier classifier;
  std::optional<CurveLog> log;
  const auto outcome =
      train(classifier, {data, &validation}, settings, pool, {.report = [&](const Report& report) {
              // The first report tells where it began.
              if (!log) log = CurveLog::open(folder / "curve.jsonl", report.step - 1).value();
              ASSERT_TRUE(log->append(report));
              std::this_thread::sleep_for(std::chrono::milliseconds(2));  // so that there is time to be killed in
            }});
  ASSERT_TRUE(outcome) << outcome.error().message;
  ASSERT_TRUE(outcome->warnings.empty()) << outcome->warnings[0];
  const auto values = classifier.values();
  std::ofstream result(folder / "result", std::ios::binary);
  result.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
}

TEST(DISABLED_TrainingProcess, Trains) {
  const char* folder = std::getenv(kFolderVariable);
  if (folder == nullptr) GTEST_SKIP() << "run by TrainingKillTest";
  train_in(folder);
}

pid_t start(const fs::path& folder) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
  ::setenv(kFolderVariable, folder.c_str(), 1);
  ::execl("/proc/self/exe", "train_test", "--gtest_also_run_disabled_tests", "--gtest_brief=1",
          "--gtest_filter=DISABLED_TrainingProcess.*", nullptr);
  ::_exit(127);
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool has_checkpoint(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder / "checkpoints", error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with("step-")) return true;
  }
  return false;
}

TEST(TrainingKillTest, KilledInTheMidstItEndsWithTheSameBits) {
  const testing::ScratchFolder scratch("training_kill");
  const fs::path whole = scratch.path() / "whole", killed = scratch.path() / "killed";
  for (const fs::path& folder : {whole, killed}) fs::create_directories(folder);
  int status = 0;
  ::waitpid(start(whole), &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_FALSE(content(whole / "result").empty());

  std::mt19937 random(4);
  int kills = 0;
  for (int round = 0; round < 60 && kills < 6; ++round) {
    const pid_t child = start(killed);
    while (!has_checkpoint(killed) && ::waitpid(child, &status, WNOHANG) == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(5'000 + random() % 40'000));
    if (::kill(child, SIGKILL) == 0) {
      ::waitpid(child, &status, 0);
      if (WIFSIGNALED(status)) ++kills;
    }
    if (fs::exists(killed / "result")) break;
  }
  EXPECT_GE(kills, 3) << "too few kills to say anything";
  ::waitpid(start(killed), &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(content(killed / "result"), content(whole / "result"));
  // The curve has each step once.
  const auto reports = read_curve(killed / "curve.jsonl");
  ASSERT_TRUE(reports) << reports.error().message;
  ASSERT_EQ(reports->size(), 240U);
  for (std::size_t i = 0; i < reports->size(); ++i) EXPECT_EQ((*reports)[i].step, static_cast<std::int64_t>(i) + 1);
}

}  // namespace
}  // namespace marquee::train
