// Loading, sharing, evicting and unloading models, with a loader that makes fake ones.

#include "serving/model_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "serving/fake_model_test.h"
#include "serving/scratch_folder_test.h"

namespace marquee::serving::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// A fake model that says when it is gone.
class CountedModel final : public text::LanguageModel {
 public:
  CountedModel(std::atomic<int>& alive, std::uint64_t bytes) : alive_(alive), facts_(inner_.facts()) {
    facts_.resident_bytes = bytes;
    ++alive_;
  }
  ~CountedModel() override { --alive_; }
  CountedModel(const CountedModel&) = delete;
  CountedModel& operator=(const CountedModel&) = delete;
  [[nodiscard]] const text::ModelFacts& facts() const override { return facts_; }
  base::Result<void> forward(tensor::ComputeContext& context, std::span<const text::SequenceSlice> slices,
                             tensor::KvPool& cache, tensor::Matrix logits) override {
    return inner_.forward(context, slices, cache, logits);
  }

 private:
  FakeModel inner_;
  std::atomic<int>& alive_;
  text::ModelFacts facts_;
};

class ModelRegistryTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kMiB = 1 << 20;
  static constexpr std::uint64_t kReadyBytes = 12'345;  ///< what the loader says before it goes on

  std::unique_ptr<ModelRegistry> make(EngineOptions options, const std::vector<std::string>& ids) {
    auto registry = std::make_unique<ModelRegistry>(
        options, std::make_shared<ComputeTeam>(2), metrics_,
        [this](const Engine::Source& source, base::ThreadPool& pool, const text::OnWeightsReady& on_ready) {
          on_ready(kReadyBytes);
          return load(source, pool);
        });
    for (const auto& id : ids) registry->add({id, "/nowhere/" + id});
    return registry;
  }

  base::Result<ModelParts> load(const Engine::Source& source, base::ThreadPool& pool) {
    EXPECT_GE(pool.size(), 1U);
    const int nested = ++loading_;
    EXPECT_EQ(nested, 1) << "one model at a time";
    ++loads_;
    if (before_load_) before_load_(source);
    --loading_;
    if (const auto failure = failures_.find(source.id); failure != failures_.end()) return failure->second;
    if (source.id == "throws") throw std::runtime_error("the loader is broken");
    ModelParts parts;
    parts.tokenizer = std::make_unique<FakeTokenizer>();
    parts.model = std::make_unique<CountedModel>(alive_, model_bytes_);
    return parts;
  }

  void SetUp() override { spdlog::set_level(spdlog::level::err); }  // every load is a line of the log
  void TearDown() override { spdlog::set_level(spdlog::level::info); }

  static std::map<std::string, ModelStatus> by_id(const ModelRegistry& registry) {
    std::map<std::string, ModelStatus> all;
    for (auto& status : registry.models()) all.emplace(status.id, status);
    return all;
  }

  std::shared_ptr<Metrics> metrics_ = std::make_shared<Metrics>();
  std::atomic<int> loads_{0};
  std::atomic<int> loading_{0};
  std::atomic<int> alive_{0};
  std::uint64_t model_bytes_ = 10 * kMiB;
  std::map<std::string, base::Error> failures_;
  std::function<void(const Engine::Source&)> before_load_;
};

TEST_F(ModelRegistryTest, LoadsOnFirstUseAndUnloadsOnRequest) {
  auto registry = make({}, {"a", "b"});
  EXPECT_EQ(registry->acquire_if_loaded("a"), nullptr);
  EXPECT_EQ(by_id(*registry)["a"].state, ModelState::kUnloaded);
  {
    const auto model = registry->acquire("a");
    ASSERT_TRUE(model);
    EXPECT_EQ((*model)->id(), "a");
    EXPECT_EQ(registry->acquire_if_loaded("a"), *model);
    EXPECT_EQ(by_id(*registry)["a"].state, ModelState::kLoaded);
    EXPECT_GE(by_id(*registry)["a"].resident_bytes, model_bytes_);
    EXPECT_EQ(by_id(*registry)["b"].state, ModelState::kUnloaded);
    const auto refused = registry->unload("a");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, base::ErrorCode::kFailedPrecondition) << "a handle is held";
  }
  ASSERT_TRUE(registry->unload("a"));
  EXPECT_EQ(alive_, 0) << "its memory is free";
  EXPECT_EQ(by_id(*registry)["a"].state, ModelState::kUnloaded);
  EXPECT_TRUE(registry->unload("a")) << "unloading what is not loaded is no error";
  ASSERT_TRUE(registry->acquire("a"));
  EXPECT_EQ(loads_, 2);
  EXPECT_EQ(registry->acquire("c").error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(registry->unload("c").error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(registry->acquire_if_loaded("c"), nullptr);
}

TEST_F(ModelRegistryTest, ManyWhoAskAtOnceCauseOneLoad) {
  auto registry = make({}, {"a"});
  std::promise<void> all_wait;
  before_load_ = [&](const Engine::Source&) {
    EXPECT_EQ(by_id(*registry)["a"].state, ModelState::kLoading);
    EXPECT_EQ(by_id(*registry)["a"].loaded_bytes, kReadyBytes);
    EXPECT_EQ(registry->acquire_if_loaded("a"), nullptr) << "does not wait";
    EXPECT_EQ(registry->unload("a").error().code, base::ErrorCode::kFailedPrecondition);
    std::this_thread::sleep_for(50ms);  // the others come
  };
  std::vector<std::future<std::shared_ptr<LoadedModel>>> asked;
  for (int i = 0; i < 8; ++i) {
    asked.push_back(std::async(std::launch::async, [&] { return registry->acquire("a").value(); }));
  }
  std::vector<std::shared_ptr<LoadedModel>> models;
  for (auto& one : asked) models.push_back(one.get());
  for (const auto& model : models) EXPECT_EQ(model, models.front());
  EXPECT_EQ(loads_, 1);
}

TEST_F(ModelRegistryTest, AFailedLoadIsToldToAllWhoWaitAndMayBeTriedAgain) {
  auto registry = make({}, {"a", "throws"});
  failures_["a"] = base::corrupt("a.gguf: tensor 7 lies beyond the end of the file");
  before_load_ = [](const Engine::Source&) { std::this_thread::sleep_for(50ms); };
  std::vector<std::future<base::Result<std::shared_ptr<LoadedModel>>>> asked;
  for (int i = 0; i < 4; ++i) asked.push_back(std::async(std::launch::async, [&] { return registry->acquire("a"); }));
  for (auto& one : asked) {
    const auto result = one.get();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, base::ErrorCode::kCorrupt);
    EXPECT_THAT(result.error().message, HasSubstr("tensor 7"));
  }
  EXPECT_LE(loads_, 4);
  EXPECT_EQ(by_id(*registry)["a"].state, ModelState::kFailed);
  EXPECT_THAT(by_id(*registry)["a"].error, HasSubstr("tensor 7"));
  failures_.clear();
  ASSERT_TRUE(registry->acquire("a"));
  EXPECT_EQ(by_id(*registry)["a"].state, ModelState::kLoaded);
  EXPECT_TRUE(by_id(*registry)["a"].error.empty());

  const auto thrown = registry->acquire("throws");
  ASSERT_FALSE(thrown);
  EXPECT_EQ(thrown.error().code, base::ErrorCode::kInternal);
  EXPECT_THAT(thrown.error().message, HasSubstr("the loader is broken"));
}

TEST_F(ModelRegistryTest, MakesRoomByUnloadingTheLeastRecentlyUsed) {
  auto registry = make({.memory_budget_bytes = 25 * kMiB, .kv_bytes_per_model = kMiB}, {"a", "b", "c"});
  ASSERT_TRUE(registry->acquire("a"));
  ASSERT_TRUE(registry->acquire("b"));
  EXPECT_EQ(alive_, 2);
  ASSERT_NE(registry->acquire_if_loaded("a"), nullptr);  // used now: b is the older one
  ASSERT_TRUE(registry->acquire("c"));
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(by_id(*registry)["a"].state, ModelState::kLoaded);
  EXPECT_EQ(by_id(*registry)["b"].state, ModelState::kUnloaded);
  std::uint64_t resident = 0;
  for (const auto& [id, status] : by_id(*registry)) resident += status.resident_bytes;
  EXPECT_LE(resident, 25 * kMiB);
}

TEST_F(ModelRegistryTest, NeverUnloadsAModelInUse) {
  auto registry = make({.memory_budget_bytes = 25 * kMiB, .kv_bytes_per_model = kMiB}, {"a", "b", "c"});
  // One is in use by a handle, the other by a request alone.
  auto a = registry->acquire("a").value();
  auto sink = std::make_shared<CollectingSink>();
  sink->set_ready(false);
  ASSERT_TRUE(registry->acquire("b").value()->submit(make_request(4, 5), sink));
  EXPECT_EQ(registry->active_requests(), 1);
  EXPECT_THAT(registry->unload("b").error().message, HasSubstr("in use"));
  const auto refused = registry->acquire("c");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::kResourceExhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("memory budget of 25 MiB"));
  EXPECT_EQ(by_id(*registry)["c"].state, ModelState::kFailed);
  EXPECT_FALSE(sink->done());

  sink->set_ready(true);
  registry->acquire_if_loaded("b")->wake();
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->finish(), FinishReason::kLength);
  while (registry->active_requests() > 0) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(registry->acquire("c")) << "b is idle now";
  EXPECT_EQ(by_id(*registry)["b"].state, ModelState::kUnloaded);
  EXPECT_EQ(by_id(*registry)["a"].state, ModelState::kLoaded);
}

TEST_F(ModelRegistryTest, WhatCanNeverFitIsRefusedBeforeItIsRead) {
  const ScratchFolder scratch;
  scratch.write("big.gguf", std::string(3 * kMiB, 'x'));
  auto registry = make({.memory_budget_bytes = 2 * kMiB}, {});
  registry->add({"big", scratch.path() / "big.gguf"});
  EXPECT_EQ(by_id(*registry)["big"].file_bytes, 3 * kMiB);
  EXPECT_GT(by_id(*registry)["big"].created_unix_s, 1'600'000'000);
  const auto refused = registry->acquire("big");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::kResourceExhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("'big' needs about 3 MiB"));
  EXPECT_EQ(loads_, 0);
  // The weights fit, but not the cache of one whole context.
  model_bytes_ = 2 * kMiB - 100;
  registry->add({"small", "/nowhere/small"});
  const auto no_cache = registry->acquire("small");
  ASSERT_FALSE(no_cache);
  EXPECT_THAT(no_cache.error().message, HasSubstr("of KV cache for a context of 256 tokens"));
  EXPECT_EQ(alive_, 0);
}

TEST_F(ModelRegistryTest, TheCacheIsAtLeastOneContextAndAtMostWhatAllCanFill) {
  const std::uint64_t page = FakeModel().facts().kv.page_bytes();
  const auto pages_with = [&](std::uint64_t kv_bytes, std::int32_t max_context) {
    auto registry = make({.memory_budget_bytes = 100 * kMiB,
                          .kv_bytes_per_model = kv_bytes,
                          .max_context = max_context,
                          .max_running_sequences = 4},
                         {"a"});
    const auto model = registry->acquire("a").value();
    EXPECT_EQ(model->context_length(), max_context == 0 ? 256 : max_context);
    return (by_id(*registry)["a"].resident_bytes - model_bytes_) / page;
  };
  EXPECT_EQ(pages_with(1, 0), 16U);
  EXPECT_EQ(pages_with(20 * page, 0), 20U);
  EXPECT_EQ(pages_with(100 * kMiB, 0), 64U);
  EXPECT_EQ(pages_with(0, 0), 64U);
  EXPECT_EQ(pages_with(1, 33), 3U);
}

TEST_F(ModelRegistryTest, DrainingRefusesRequestsAlsoOfModelsLoadedLater) {
  auto registry = make({}, {"a", "b"});
  const auto a = registry->acquire("a").value();
  std::promise<void> begun;
  std::shared_ptr<CollectingSink> sink;
  sink = std::make_shared<CollectingSink>([&](const GenerationEvent& event) {
    if (sink->events().size() > 1) return;
    EXPECT_FALSE(event.finish);
    sink->set_ready(false);
    begun.set_value();
  });
  auto request = make_request(4, 30);
  request.ignore_eos = true;
  ASSERT_TRUE(a->submit(request, sink));
  begun.get_future().wait();
  registry->drain();
  EXPECT_EQ(a->submit(make_request(4, 5), std::make_shared<CollectingSink>()).error().code,
            base::ErrorCode::kUnavailable);
  const auto b = registry->acquire("b").value();
  EXPECT_EQ(b->submit(make_request(4, 5), std::make_shared<CollectingSink>()).error().code,
            base::ErrorCode::kUnavailable);
  sink->set_ready(true);
  a->wake();
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->finish(), FinishReason::kLength) << "what runs goes on";
}

TEST_F(ModelRegistryTest, HandlesMayOutliveTheRegistry) {
  auto registry = make({}, {"a"});
  const auto a = registry->acquire("a").value();
  const auto sink = std::make_shared<CollectingSink>();
  sink->set_ready(false);
  ASSERT_TRUE(a->submit(make_request(4, 5), sink));
  registry.reset();
  EXPECT_TRUE(sink->done());
  EXPECT_EQ(sink->error()->code, base::ErrorCode::kUnavailable);
  EXPECT_EQ(a->submit(make_request(4, 5), std::make_shared<CollectingSink>()).error().code,
            base::ErrorCode::kUnavailable);
  a->cancel(1);
  a->wake();
  EXPECT_EQ(a->id(), "a");
  EXPECT_EQ(alive_, 1);
}

TEST_F(ModelRegistryTest, ASourceOfTheSameNameIsReplaced) {
  const ScratchFolder scratch;
  scratch.write("one.gguf", "1");
  auto registry = make({}, {"a"});
  std::string loaded;
  before_load_ = [&](const Engine::Source& source) { loaded = source.path.filename(); };
  registry->add({"a", scratch.path() / "one.gguf"});
  EXPECT_EQ(registry->models().size(), 1U);
  ASSERT_TRUE(registry->acquire("a"));
  EXPECT_EQ(loaded, "one.gguf");
}

// Many threads load, use and unload three models of which two fit. Nobody is refused without cause, no request is lost,
// no model is torn away from a request.
TEST_F(ModelRegistryTest, ThreadsShareAndEvictWithoutLosingRequests) {
  auto registry = make({.memory_budget_bytes = 25 * kMiB, .kv_bytes_per_model = kMiB}, {"a", "b", "c"});
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 40; ++i) {
        const std::string id(1, static_cast<char>('a' + random() % 3));
        if (random() % 4 == 0) {
          const auto unloaded = registry->unload(id);
          EXPECT_TRUE(unloaded || unloaded.error().code == base::ErrorCode::kFailedPrecondition);
          continue;
        }
        auto model = registry->acquire(id);
        if (!model) {
          EXPECT_EQ(model.error().code, base::ErrorCode::kResourceExhausted) << model.error().message;
          continue;
        }
        const auto request = make_request(6, 8, random() % 5);
        const auto sink = std::make_shared<CollectingSink>();
        ASSERT_TRUE((*model)->submit(request, sink));
        model->reset();  // only the request keeps it now
        ASSERT_TRUE(sink->wait());
        EXPECT_EQ(sink->text(), reference_answer(request, 0, 256).text);
        ++answered;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GT(answered, 20);
  registry.reset();
  EXPECT_EQ(alive_, 0);
}

TEST(EngineOptions, AreCheckedByName) {
  const auto refused = [](EngineOptions options) { return Engine::create(options, {}).error().field; };
  EXPECT_EQ(refused({.threads = 1'000'000}), "threads");
  EXPECT_EQ(refused({.max_context = -1}), "max_context");
  EXPECT_EQ(refused({.prefill_chunk_tokens = 0}), "prefill_chunk_tokens");
  EXPECT_EQ(refused({.max_running_sequences = 0}), "max_running_sequences");
  EXPECT_EQ(refused({.max_queued_requests = 0}), "max_queued_requests");
  EXPECT_EQ(Engine::create({}, {{"", "x.gguf"}}).error().field, "id");
}

}  // namespace
}  // namespace marquee::serving::testing
