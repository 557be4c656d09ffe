#include "train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>

#include "train/small_classifier_test.h"

namespace marquee::train {
namespace {

namespace fs = std::filesystem;
namespace json = base::json;
using base::ErrorCode;
using ::testing::HasSubstr;
using testing::ScratchFolder;

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointFolder open(const char* data = "abc", std::int64_t keep = 2) {
    return CheckpointFolder::open({scratch_.path() / "run", keep, {{"data", data}, {"settings", "s"}}}).value();
  }
  static CheckpointContents contents(std::int64_t step) {
    const auto value = static_cast<float>(step);
    return {step, {{"weight", Tensor::full({2, 3}, value)}}, {{"average", Tensor::full({4}, -value)}}, {{"n", step}}};
  }
  [[nodiscard]] fs::path path(std::int64_t step) const {
    char name[32];
    std::snprintf(name, sizeof(name), "step-%012lld", static_cast<long long>(step));
    return scratch_.path() / "run" / name;
  }
  void change_byte(const fs::path& file, std::streamoff at) const {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(at);
    const char byte = static_cast<char>(stream.get() ^ 1);
    stream.seekp(at);
    stream.put(byte);
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(scratch_.path() / "run"), fs::directory_iterator()));
  }

  ScratchFolder scratch_{"checkpoint"};
  std::vector<std::string> refused_;
};

TEST_F(CheckpointTest, TheLastOneIsReadBack) {
  auto folder = open();
  EXPECT_FALSE(folder.latest(refused_).value().has_value());
  for (const std::int64_t step : {5, 10, 15}) ASSERT_TRUE(folder.write(contents(step)));
  EXPECT_EQ(entries(), 2U) << "the last two are kept";
  const auto saved = folder.latest(refused_);
  ASSERT_TRUE(saved) << saved.error().message;
  ASSERT_TRUE(saved->has_value());
  EXPECT_EQ((*saved)->step, 15);
  EXPECT_EQ((*saved)->state.at("training").at("n").get_int64(), 15);
  Tensor weight = Tensor::zeros({2, 3});
  Tensor average = Tensor::zeros({4});
  ASSERT_TRUE(load_tensors(*(*saved)->model, std::vector<nn::Parameter>{{"weight", weight}}));
  ASSERT_TRUE(load_tensors(*(*saved)->training, std::vector<nn::Parameter>{{"average", average}}));
  EXPECT_EQ(weight.values()[5], 15.0F);
  EXPECT_EQ(average.values()[3], -15.0F);
  EXPECT_TRUE(refused_.empty());
  EXPECT_EQ(load_tensors(*(*saved)->model, std::vector<nn::Parameter>{{"weight", average}}).error().code,
            ErrorCode::kCorrupt);
  EXPECT_EQ(load_tensors(*(*saved)->model, std::vector<nn::Parameter>{{"w", average}}).error().code,
            ErrorCode::kNotFound);
}

TEST_F(CheckpointTest, TheSameStepIsWrittenAnew) {
  auto folder = open();
  ASSERT_TRUE(folder.write(contents(5)));
  change_byte(path(5) / "model.safetensors", 100);
  ASSERT_TRUE(folder.write(contents(5)));
  EXPECT_TRUE(folder.latest(refused_).value().has_value());
  EXPECT_EQ(entries(), 1U);
}

// Whatever is cut or changed about the last one, the one before is used and the message says why.
TEST_F(CheckpointTest, ADamagedOneIsRefusedAndTheOneBeforeUsed) {
  const std::vector<std::pair<const char*, const char*>> damages = {
      {"model.safetensors", "truncated"},  {"training.safetensors", "truncated"},
      {"state.json", "truncated"},         {"model.safetensors", "changed"},
      {"training.safetensors", "changed"}, {"state.json", "changed"},
      {"model.safetensors", "removed"},    {"state.json", "removed"},
  };
  for (const auto& [file, damage] : damages) {
    fs::remove_all(scratch_.path() / "run");
    auto folder = open();
    ASSERT_TRUE(folder.write(contents(5)));
    ASSERT_TRUE(folder.write(contents(10)));
    const fs::path damaged = path(10) / file;
    const auto size = fs::file_size(damaged);
    if (damage == std::string("truncated")) fs::resize_file(damaged, size - 1);
    if (damage == std::string("changed")) change_byte(damaged, static_cast<std::streamoff>(size) - 3);
    if (damage == std::string("removed")) fs::remove(damaged);
    refused_.clear();
    const auto saved = folder.latest(refused_);
    ASSERT_TRUE(saved) << saved.error().message;
    EXPECT_EQ((*saved)->step, 5) << file << ' ' << damage;
    ASSERT_EQ(refused_.size(), 1U);
    EXPECT_THAT(refused_[0], HasSubstr(damaged.string())) << damage;
  }
}

TEST_F(CheckpointTest, EveryByteOfTheStateCounts) {
  auto folder = open();
  ASSERT_TRUE(folder.write(contents(5)));
  const auto size = static_cast<std::streamoff>(fs::file_size(path(5) / "state.json"));
  for (std::streamoff at = 0; at < size; ++at) {
    change_byte(path(5) / "state.json", at);
    EXPECT_FALSE(CheckpointFolder::read(path(5))) << at;
    change_byte(path(5) / "state.json", at);
  }
  EXPECT_TRUE(CheckpointFolder::read(path(5)));
}

TEST_F(CheckpointTest, AnothersIsRefused) {
  ASSERT_TRUE(open("abc").write(contents(5)));
  const auto other = open("xyz").latest(refused_);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(other.error().message, HasSubstr("was made with other data"));
  EXPECT_TRUE(open("abc").latest(refused_).value().has_value()) << "it is still there";
}

TEST_F(CheckpointTest, WhatWasBeingWrittenDoesNotCount) {
  auto folder = open();
  ASSERT_TRUE(folder.write(contents(5)));
  fs::copy(path(5), scratch_.path() / "run" / ".step-000000000010.partial");
  fs::create_directory(scratch_.path() / "run" / "notes");
  EXPECT_EQ((*folder.latest(refused_))->step, 5);
  ASSERT_TRUE(folder.write(contents(10)));
  EXPECT_EQ((*folder.latest(refused_))->step, 10);
}

// A limit on a file's size stands for a disk that is full.
TEST_F(CheckpointTest, AFullDiskIsSaidAndLeavesTheOneBefore) {
  auto folder = open();
  ASSERT_TRUE(folder.write(contents(5)));
  auto large = contents(10);
  large.model.push_back({"large", Tensor::zeros({100'000})});
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{65'536, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = folder.write(large);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kIo);
  EXPECT_THAT(written.error().message, HasSubstr("cannot write"));
  EXPECT_EQ(entries(), 1U);
  EXPECT_EQ((*folder.latest(refused_))->step, 5);
}

TEST(ExactTest, NumbersComeBackExactly) {
  json::object object;
  for (const double value : {0.1, -1.0 / 3.0, 5e-324, 1.7976931348623157e308, 0.0, -0.0, HUGE_VAL, -HUGE_VAL}) {
    object["x"] = exact(value);
    const double back = exact_number(object, "x").value();
    EXPECT_EQ(back, value);
    EXPECT_EQ(std::signbit(back), std::signbit(value));
  }
  object["x"] = exact(std::nan(""));
  EXPECT_TRUE(std::isnan(exact_number(object, "x").value()));
  object["x"] = "0x1.8p+1 ";
  EXPECT_THAT(exact_number(object, "x").error().message, HasSubstr("'x' is no number"));
  EXPECT_FALSE(exact_number(object, "y"));
  object["x"] = -1;
  EXPECT_FALSE(whole_number(object, "x"));
}

}  // namespace
}  // namespace marquee::train
