#include "serving/encoder_batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "serving/fake_encoder_test.h"
#include "serving/fake_model_test.h"

namespace marquee::serving::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int32_t kIds = 100;

EncodingRequest texts_of(const std::string& tenant, std::vector<std::size_t> lengths) {
  EncodingRequest request;
  request.tenant = tenant;
  for (const std::size_t length : lengths) {
    EncodingText text;
    text.tokens.resize(length);
    std::iota(text.tokens.begin(), text.tokens.end(), 1);
    request.texts.push_back(std::move(text));
  }
  return request;
}

class EncoderBatcherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spdlog::set_level(spdlog::level::off);
    model_.set_hook([this](const FakeEncoder::Batch&) { return gated_ ? gate_.pass() : base::Result<void>(); });
  }
  void TearDown() override {
    gate_.open();
    batcher_.reset();
    spdlog::set_level(spdlog::level::info);
  }

  EncoderBatcher& start(EncoderBatcherOptions options = {}) {
    options.model_id = "fake";
    batcher_ = std::make_unique<EncoderBatcher>(model_, team_, metrics_, options);
    return *batcher_;
  }
  /// @return what a request ends with
  std::future<EncodingOutcome> ask(EncodingRequest request, std::uint64_t* id = nullptr) {
    auto promise = std::make_shared<std::promise<EncodingOutcome>>();
    auto future = promise->get_future();
    auto queued =
        batcher_->encode(std::move(request), [promise](EncodingOutcome outcome) { promise->set_value(outcome); });
    EXPECT_TRUE(queued) << queued.error().message;
    if (id != nullptr) *id = queued.value();
    return future;
  }
  /// Holds the thread inside a batch of one text, so that what comes next waits.
  std::future<EncodingOutcome> occupy() {
    gated_ = true;
    auto first = ask(texts_of("first", {1}));
    gate_.wait_until_held();
    return first;
  }

  std::atomic<bool> gated_{false};
  StepGate gate_;
  FakeEncoder model_{kIds};
  ComputeTeam team_{1};
  Metrics metrics_;
  std::unique_ptr<EncoderBatcher> batcher_;
};

TEST_F(EncoderBatcherTest, EveryTextGetsItsOwnVector) {
  start({.max_batch_tokens = 20});
  auto request = texts_of("studio", {3, 17, 1, 9, 9, 20, 2});
  request.texts[1].second_from = 5;
  const auto expected = request;
  const EncodingOutcome outcome = ask(std::move(request)).get();
  ASSERT_FALSE(outcome.error) << outcome.error->message;
  ASSERT_EQ(outcome.width, 4U);
  for (std::size_t i = 0; i < expected.texts.size(); ++i) {
    const auto vector = FakeEncoder::vector_of({expected.texts[i].tokens, expected.texts[i].second_from});
    EXPECT_EQ(std::vector<float>(outcome.row(i).begin(), outcome.row(i).end()), vector) << i;
  }
  EXPECT_EQ(outcome.usage.prompt_tokens, 61);
  EXPECT_GT(outcome.usage.compute_time.count(), 0);
  for (const auto& batch : model_.batches()) {
    EXPECT_LE(std::accumulate(batch.begin(), batch.end(), std::size_t{0}), 20U);
    EXPECT_TRUE(std::is_sorted(batch.rbegin(), batch.rend())) << "the longest comes first";
  }
}

TEST_F(EncoderBatcherTest, WhatComesMeanwhileSharesTheNextBatch) {
  start();
  auto first = occupy();
  auto second = ask(texts_of("a", {4, 5}));
  auto third = ask(texts_of("b", {6}));
  gate_.open();
  EXPECT_FALSE(first.get().error);
  EXPECT_FALSE(second.get().error);
  EXPECT_FALSE(third.get().error);
  EXPECT_THAT(model_.batches(), ElementsAre(ElementsAre(1), ElementsAre(6, 5, 4)));
}

TEST_F(EncoderBatcherTest, ATextAloneMayBeLongerThanABatch) {
  start({.max_batch_tokens = 8});
  EXPECT_FALSE(ask(texts_of("a", {64, 1})).get().error);
  EXPECT_THAT(model_.batches(), ElementsAre(ElementsAre(64), ElementsAre(1)));
}

TEST_F(EncoderBatcherTest, AManyTextRequestDoesNotShutOutOthers) {
  start({.max_batch_tokens = 64});
  auto first = occupy();
  auto many = ask(texts_of("many", std::vector<std::size_t>(100, 64)));
  std::promise<std::size_t> batches_before;
  ASSERT_TRUE(batcher_->encode(texts_of("one", {64}),
                               [&](const EncodingOutcome&) { batches_before.set_value(model_.batches().size()); }));
  gate_.open();
  // It was asked for after the hundred, and waits for at most two turns of the other tenant, of 512 tokens each.
  EXPECT_LE(batches_before.get_future().get(), 20U);
  ASSERT_FALSE(many.get().error);
  EXPECT_EQ(model_.batches().size(), 102U);
}

TEST_F(EncoderBatcherTest, TenantsTakeTurns) {
  start({.max_batch_tokens = 64});
  auto first = occupy();
  std::vector<std::string> order;
  std::mutex mutex;
  const auto note = [&](const std::string& who) {
    return [&, who](const EncodingOutcome&) {
      const std::lock_guard lock(mutex);
      order.push_back(who);
    };
  };
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(batcher_->encode(texts_of("a", {64}), note("a")));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(batcher_->encode(texts_of("b", {64}), note("b")));
  gate_.open();
  EXPECT_FALSE(first.get().error);
  while (batcher_->active_requests() > 0) std::this_thread::sleep_for(1ms);
  ASSERT_EQ(order.size(), 40U);
  // In turns of eight texts: of the first twenty neither has more than two turns.
  const auto of_b = std::count(order.begin(), order.begin() + 20, "b");
  EXPECT_GE(of_b, 4);
  EXPECT_LE(of_b, 16);
}

TEST_F(EncoderBatcherTest, CancelledAndOverdueRequestsEnd) {
  start({.max_batch_tokens = 10});
  auto first = occupy();
  std::uint64_t id = 0;
  auto cancelled = ask(texts_of("a", {10, 10}), &id);
  auto overdue = texts_of("b", {10});
  overdue.deadline = Clock::now() + 300ms;
  auto late = ask(std::move(overdue));
  batcher_->stop_encoding(id);
  batcher_->stop_encoding(12345);
  std::this_thread::sleep_for(350ms);
  gate_.open();
  EXPECT_FALSE(first.get().error);
  EXPECT_EQ(cancelled.get().error->code, base::ErrorCode::kCancelled);
  const auto outcome = late.get();
  EXPECT_EQ(outcome.error->code, base::ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(outcome.error->field, "timeout_ms");
  EXPECT_EQ(outcome.usage.prompt_tokens, 0);
  EXPECT_EQ(model_.batches().size(), 1U);
  auto passed = texts_of("b", {10});
  passed.deadline = Clock::now() - 1ms;
  EXPECT_EQ(batcher_->encode(std::move(passed), {}).error().code, base::ErrorCode::kDeadlineExceeded);
}

TEST_F(EncoderBatcherTest, WhatWasComputedBeforeACancellationIsCounted) {
  start({.max_batch_tokens = 10});
  gated_ = true;
  std::uint64_t id = 0;
  auto request = ask(texts_of("a", {10, 10}), &id);
  gate_.wait_until_held();
  batcher_->stop_encoding(id);
  gate_.open();
  const auto outcome = request.get();
  EXPECT_EQ(outcome.error->code, base::ErrorCode::kCancelled);
  EXPECT_EQ(outcome.usage.prompt_tokens, 10);
}

TEST_F(EncoderBatcherTest, TheQueueIsBounded) {
  start({.max_queued_requests = 4});
  auto first = occupy();
  std::vector<std::future<EncodingOutcome>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(ask(texts_of("a", {1})));
  const auto refused = batcher_->encode(texts_of("a", {1}), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::kResourceExhausted);
  waiting.push_back(ask(texts_of("b", {1})));  // a tenant that has nothing in the queue finds a place
  EXPECT_FALSE(batcher_->encode(texts_of("c", {1}), {}));
  EXPECT_EQ(batcher_->active_requests(), 5);
  gate_.open();
  for (auto& one : waiting) EXPECT_FALSE(one.get().error);
  EXPECT_EQ(metrics_.tenant("fake", "a").requests[kRejectedOutcome]->Value(), 1.0);
}

TEST_F(EncoderBatcherTest, WrongTextsAreRefusedAlone) {
  start();
  const auto refusal = [&](EncodingRequest request) {
    const auto id = batcher_->encode(std::move(request), {});
    return id ? std::string() : id.error().message;
  };
  EXPECT_THAT(refusal({}), HasSubstr("at least one text"));
  EXPECT_THAT(refusal(texts_of("a", {1, 0})), HasSubstr("text 1 has 0 tokens"));
  EXPECT_THAT(refusal(texts_of("a", {65})), HasSubstr("takes 1 to 64"));
  auto unknown = texts_of("a", {2});
  unknown.texts[0].tokens[1] = kIds;
  EXPECT_THAT(refusal(std::move(unknown)), HasSubstr("outside the vocabulary"));
  EXPECT_EQ(batcher_->active_requests(), 0);
}

TEST_F(EncoderBatcherTest, AFailedBatchFailsItsRequestsOnly) {
  start();
  bool broken = true;
  model_.set_hook([&](const FakeEncoder::Batch& batch) -> base::Result<void> {
    if (!broken) return {};
    if (batch.front() == 2) throw std::runtime_error("it broke");
    return base::Error{base::ErrorCode::kInternal, "the model failed"};
  });
  EXPECT_THAT(ask(texts_of("a", {1})).get().error->message, HasSubstr("the model failed"));
  EXPECT_THAT(ask(texts_of("a", {2})).get().error->message, HasSubstr("it broke"));
  broken = false;
  EXPECT_FALSE(ask(texts_of("a", {1})).get().error);
}

TEST_F(EncoderBatcherTest, DrainingComputesWhatIsThere) {
  start();
  auto first = occupy();
  auto waiting = ask(texts_of("a", {3}));
  batcher_->drain();
  EXPECT_EQ(batcher_->encode(texts_of("a", {1}), {}).error().code, base::ErrorCode::kUnavailable);
  gate_.open();
  EXPECT_FALSE(waiting.get().error);
}

TEST_F(EncoderBatcherTest, StoppingEndsWhatWaits) {
  start({.max_batch_tokens = 1});
  auto first = occupy();
  auto waiting = ask(texts_of("a", {1}));
  std::thread stopper([this] { batcher_->stop(); });
  while (batcher_->encode(texts_of("z", {1}), [](const EncodingOutcome&) {})) std::this_thread::sleep_for(1ms);
  gate_.open();
  stopper.join();
  EXPECT_FALSE(first.get().error);
  EXPECT_EQ(waiting.get().error->code, base::ErrorCode::kUnavailable);
  EXPECT_EQ(batcher_->active_requests(), 0);
}

TEST_F(EncoderBatcherTest, AClassifierGivesItsOutputs) {
  FakeEncoder classifier(kIds, {"x", "y"});
  EncoderBatcher batcher(classifier, team_, metrics_, {.model_id = "labels"});
  std::promise<EncodingOutcome> promise;
  ASSERT_TRUE(batcher.encode(texts_of("a", {3}), [&](EncodingOutcome outcome) { promise.set_value(outcome); }));
  const auto outcome = promise.get_future().get();
  EXPECT_THAT(outcome.values, ElementsAre(3.0F, 6.0F));
}

}  // namespace
}  // namespace marquee::serving::testing
