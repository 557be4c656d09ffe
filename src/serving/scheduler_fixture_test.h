#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "serving/compute_team.h"
#include "serving/fake_model_test.h"
#include "serving/metrics.h"
#include "serving/scheduler.h"
#include "tensor/kv_cache.h"

namespace marquee::serving::testing {

/// A scheduler over the fake model. Checks at the end that no page was lost and the model had nothing to complain of.
class SchedulerTest : public ::testing::Test {
 protected:
  static constexpr std::int32_t kContext = 256;

  void start(std::int32_t pages = 1024, SchedulerOptions options = {}) {
    pool_ = tensor::KvPool::create(model_.facts().kv, pages).value();
    options.model_id = "fake";
    options.context_length = kContext;
    scheduler_ =
        std::make_unique<Scheduler>(SchedulerParts{model_, tokenizer_, *pool_, team_, metrics_, draft_.get()}, options);
  }

  std::shared_ptr<CollectingSink> submit(GenerationRequest request, std::uint64_t* id = nullptr) {
    auto sink = std::make_shared<CollectingSink>();
    submit_to(sink, std::move(request), id);
    return sink;
  }

  void submit_to(const std::shared_ptr<CollectingSink>& sink, GenerationRequest request, std::uint64_t* id = nullptr) {
    const auto submitted = scheduler_->submit(std::move(request), sink);
    ASSERT_TRUE(submitted) << submitted.error().message;
    if (id != nullptr) *id = *submitted;
  }

  static void expect_reference(const CollectingSink& sink, const GenerationRequest& request) {
    EXPECT_TRUE(sink.violations().empty()) << sink.violations().front();
    std::int64_t tokens = 0;
    for (std::int32_t choice = 0; choice < request.n; ++choice) {
      const auto expected = reference_answer(request, choice, kContext);
      EXPECT_EQ(sink.text(choice), expected.text) << "choice " << choice;
      EXPECT_EQ(sink.finish(choice), expected.finish) << "choice " << choice;
      tokens += expected.tokens;
    }
    EXPECT_EQ(sink.usage().completion_tokens, tokens);
    EXPECT_EQ(sink.usage().prompt_tokens, static_cast<std::int64_t>(request.prompt.size()));
  }

  void TearDown() override {
    if (scheduler_ == nullptr) return;
    scheduler_->stop();
    EXPECT_EQ(scheduler_->active_requests(), 0);
    EXPECT_EQ(pool_->free_pages(), pool_->total_pages());
    EXPECT_TRUE(model_.complaints().empty()) << model_.complaints().front();
  }

  FakeTokenizer tokenizer_;
  FakeModel model_{kContext};
  ComputeTeam team_{2};
  Metrics metrics_;
  std::unique_ptr<tensor::KvPool> pool_;
  std::unique_ptr<DraftModel> draft_;  ///< of the schedulers started from then on; may be null
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace marquee::serving::testing
