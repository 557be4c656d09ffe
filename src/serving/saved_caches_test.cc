// Prefix caches saved and restored through the engine, with the fake model.

#include "serving/saved_caches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "serving/fake_model_test.h"
#include "serving/metrics.h"
#include "serving/model_loader.h"
#include "serving/scratch_folder_test.h"

namespace marquee::serving::testing {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;

class SavedCachesTest : public ::testing::Test {
 protected:
  static constexpr std::int32_t kPageBytes = 2 * 16 * 4;  // the fake model's

  void SetUp() override {
    spdlog::set_level(spdlog::level::err);
    folder_.write("weights", "the model's weights");
  }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }

  std::unique_ptr<Engine> engine(EngineOptions options = {}) {
    options.threads = 2;
    options.memory_budget_bytes = 1 << 26;
    if (options.saved_caches_folder.empty()) options.saved_caches_folder = folder_.path() / "caches";
    if (options.kv_bytes_per_model == 0) options.kv_bytes_per_model = 512 * kPageBytes;
    const auto load = [](const Engine::Source&, base::ThreadPool&, const text::OnWeightsReady&) {
      ModelParts parts;
      parts.tokenizer = std::make_unique<FakeTokenizer>();
      parts.model = std::make_unique<FakeModel>(256);
      return base::Result<ModelParts>(std::move(parts));
    };
    return create_engine(options, {{"m", folder_.path() / "weights"}}, load).value();
  }

  static GenerationRequest request_of(std::uint64_t variant, const std::string& tenant = "studio") {
    auto request = make_request(120 + static_cast<std::int32_t>(variant % 8), 8, variant);
    request.tenant = tenant;
    return request;
  }

  static std::int64_t cached_tokens(Engine& engine, const GenerationRequest& request) {
    const auto sink = std::make_shared<CollectingSink>();
    EXPECT_TRUE(engine.acquire("m").value()->submit(request, sink));
    EXPECT_TRUE(sink->wait());
    EXPECT_EQ(sink->text(), reference_answer(request, 0, 256).text);
    return sink->usage().cached_tokens;
  }

  [[nodiscard]] std::filesystem::path file(const std::string& name, const std::string& tenant = "studio") const {
    return folder_.path() / "caches" / tenant / "m" / (name + ".kv");
  }

  ScratchFolder folder_;
};

TEST_F(SavedCachesTest, SurviveTheEngineAndChangeNoAnswer) {
  CacheReport saved;
  {
    const auto first = engine();
    for (std::uint64_t variant = 0; variant < 5; ++variant) EXPECT_LT(cached_tokens(*first, request_of(variant)), 8);
    const auto report = first->save_cache("m", "studio", "show");
    ASSERT_TRUE(report) << report.error().message;
    saved = *report;
    EXPECT_GE(saved.tokens, 5 * 112);
    EXPECT_EQ(saved.bytes, std::filesystem::file_size(file("show")));
  }
  const auto second = engine();
  const auto restored = second->restore_cache("m", "studio", "show");
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->tokens, saved.tokens);
  EXPECT_EQ(restored->bytes, saved.bytes);
  for (std::uint64_t variant = 0; variant < 5; ++variant) EXPECT_GE(cached_tokens(*second, request_of(variant)), 112);
  const auto again = second->restore_cache("m", "studio", "show");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->tokens, saved.tokens) << "what is there already counts";
}

TEST_F(SavedCachesTest, BelongToOneTenant) {
  const auto first = engine();
  cached_tokens(*first, request_of(1));
  ASSERT_TRUE(first->save_cache("m", "studio", "show"));
  const auto missing = first->restore_cache("m", "rival", "show");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const auto nothing = first->save_cache("m", "rival", "show");
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kFailedPrecondition);
  std::filesystem::create_directories(file("show", "rival").parent_path());
  std::filesystem::copy(file("show"), file("show", "rival"));
  const auto moved = first->restore_cache("m", "rival", "show");
  ASSERT_FALSE(moved) << "a file that was copied into another tenant's folder";
  EXPECT_EQ(moved.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(cached_tokens(*first, request_of(1, "rival")), 0);
}

TEST_F(SavedCachesTest, ClearAndDelete) {
  const auto first = engine();
  cached_tokens(*first, request_of(1));
  cached_tokens(*first, request_of(1, "rival"));
  const auto saved = first->save_cache("m", "studio", "show");
  ASSERT_TRUE(saved);
  EXPECT_EQ(first->clear_cache("m", "studio")->tokens, saved->tokens);
  EXPECT_EQ(first->clear_cache("m", "studio")->tokens, 0);
  EXPECT_GE(cached_tokens(*first, request_of(1, "rival")), 112) << "the other one's is as it was";
  EXPECT_EQ(cached_tokens(*first, request_of(1)), 0);
  EXPECT_EQ(first->delete_cache("m", "studio", "show")->bytes, saved->bytes);
  EXPECT_EQ(first->delete_cache("m", "studio", "show").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(first->restore_cache("m", "studio", "show").error().code, ErrorCode::kNotFound);
}

TEST_F(SavedCachesTest, NamesStayInTheirFolder) {
  const auto first = engine();
  cached_tokens(*first, request_of(1));
  for (const std::string& name :
       {std::string(), std::string(".."), std::string("../x"), std::string("/etc/passwd"), std::string("a/b"),
        std::string("a\\b"), std::string(".hidden"), std::string("a\0b", 3), std::string("a b"), std::string(101, 'a'),
        std::string("é")}) {
    for (const auto& report : {first->save_cache("m", "studio", name), first->restore_cache("m", "studio", name),
                               first->delete_cache("m", "studio", name)}) {
      ASSERT_FALSE(report) << name;
      EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument) << name;
      EXPECT_EQ(report.error().field, "name");
    }
  }
  EXPECT_EQ(first->save_cache("m", "../studio", "show").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(first->save_cache("none", "studio", "show").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(first->save_cache("m", "studio", "A.b_c-1"));
  EXPECT_TRUE(first->save_cache("m", "studio", std::string(100, 'a')));
}

TEST_F(SavedCachesTest, AModelWhoseFilesChangedFitsNothing) {
  const auto first = engine();
  cached_tokens(*first, request_of(1));
  ASSERT_TRUE(first->save_cache("m", "studio", "show"));
  folder_.write("weights", "other weights");
  const auto second = engine();
  const auto refused = second->restore_cache("m", "studio", "show");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("other model files"));
  const auto third = engine();
  cached_tokens(*third, request_of(1));
  folder_.write("weights", "the model's weights");  // replaced under the loaded model
  const auto changed = third->save_cache("m", "studio", "more");
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().message, HasSubstr("changed since it was loaded"));
}

TEST_F(SavedCachesTest, DamagedFilesAreAnErrorAndNoMore) {
  const auto first = engine();
  cached_tokens(*first, request_of(1));
  ASSERT_TRUE(first->save_cache("m", "studio", "show"));
  const std::string good = read_all(file("show"));
  const auto write = [&](const std::string& bytes) { std::ofstream(file("show"), std::ios::binary) << bytes; };
  for (const std::size_t length : {std::size_t{1}, std::size_t{100}, good.size() / 2, good.size() - 1}) {
    write(good.substr(0, length));
    EXPECT_EQ(first->restore_cache("m", "studio", "show").error().code, ErrorCode::kCorrupt) << length;
  }
  std::string flipped = good;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  write(flipped);
  EXPECT_EQ(first->restore_cache("m", "studio", "show").error().code, ErrorCode::kCorrupt);
  EXPECT_GE(cached_tokens(*first, request_of(1)), 112);
  write(good);
  EXPECT_TRUE(first->restore_cache("m", "studio", "show"));
}

TEST_F(SavedCachesTest, TakeNoMoreDiskThanTheyMay) {
  EngineOptions options;
  options.saved_caches_bytes = 3'500;  // one file of seven pages, not two
  const auto first = engine(options);
  cached_tokens(*first, request_of(1));
  ASSERT_TRUE(first->save_cache("m", "studio", "one"));
  ASSERT_TRUE(first->save_cache("m", "studio", "one")) << "in place of itself";
  const auto refused = first->save_cache("m", "studio", "two");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_FALSE(std::filesystem::exists(file("two")));
  ASSERT_TRUE(first->delete_cache("m", "studio", "one"));
  EXPECT_TRUE(first->save_cache("m", "studio", "two"));
}

TEST_F(SavedCachesTest, WhatFindsNoRoomIsLeftOut) {
  const auto large = engine();
  for (std::uint64_t variant = 0; variant < 20; ++variant) cached_tokens(*large, request_of(variant));
  const auto saved = large->save_cache("m", "studio", "show");
  ASSERT_TRUE(saved);
  EngineOptions options;
  options.kv_bytes_per_model = 16 * kPageBytes;  // one context
  const auto small = engine(options);
  cached_tokens(*small, request_of(50, "rival"));
  const auto restored = small->restore_cache("m", "studio", "show");
  ASSERT_TRUE(restored);
  EXPECT_GT(restored->tokens, 0);
  EXPECT_LE(restored->tokens, 16 * 16);
  for (std::uint64_t variant = 0; variant < 20; ++variant) cached_tokens(*small, request_of(variant));
  EXPECT_EQ(small->metrics().model("m").preemptions->Value(), 0.0);
}

TEST_F(SavedCachesTest, WithoutAFolderOrACacheThereIsNothingToSave) {
  const auto off = engine({.prefix_cache_percent = 0});
  EXPECT_EQ(off->save_cache("m", "studio", "show").error().code, ErrorCode::kFailedPrecondition) << "not loaded";
  cached_tokens(*off, request_of(1));
  EXPECT_EQ(off->save_cache("m", "studio", "show").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(off->clear_cache("m", "studio")->tokens, 0);
}

// Requests, saving and restoring at the same time: right answers, and files that can be read.
TEST_F(SavedCachesTest, RequestsGoOnMeanwhile) {
  EngineOptions options;
  options.kv_bytes_per_model = 40 * kPageBytes;  // pages are given back all the time
  const auto busy = engine(options);
  cached_tokens(*busy, request_of(1));
  ASSERT_TRUE(busy->save_cache("m", "studio", "show0"));
  std::atomic<bool> over{false};
  std::thread saver([&] {
    for (int i = 0; !over; ++i) {
      const auto saved = busy->save_cache("m", "studio", "show" + std::to_string(i % 3));
      EXPECT_TRUE(saved || saved.error().code == ErrorCode::kFailedPrecondition) << saved.error().message;
      const auto restored = busy->restore_cache("m", "studio", "show0");
      EXPECT_TRUE(restored) << restored.error().message;
      if (i % 4 == 3) {
        EXPECT_TRUE(busy->clear_cache("m", "studio"));
      }
    }
  });
  for (int round = 0; round < 8; ++round) {
    std::vector<std::thread> clients;
    for (std::uint64_t client = 0; client < 4; ++client) {
      clients.emplace_back([&, client] {
        const std::string tenant = client % 2 == 0 ? "studio" : "rival";
        for (std::uint64_t i = 0; i < 6; ++i) cached_tokens(*busy, request_of((client + i) % 5, tenant));
      });
    }
    for (auto& client : clients) client.join();
  }
  over = true;
  saver.join();
}

}  // namespace
}  // namespace marquee::serving::testing
