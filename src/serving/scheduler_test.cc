#include "serving/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "serving/scheduler_fixture_test.h"

namespace marquee::serving::testing {
namespace {

using namespace std::chrono_literals;

TEST_F(SchedulerTest, GivesTheTextOfAPlainLoop) {
  start();
  for (std::uint64_t variant = 0; variant < 12; ++variant) {
    auto request = make_request(1 + static_cast<std::int32_t>(variant * 5), 40, variant);
    if (variant % 3 == 0) request.sampling.temperature = 0;
    if (variant % 4 == 1) request.ignore_eos = true;
    const auto sink = submit(request);
    ASSERT_TRUE(sink->wait());
    expect_reference(*sink, request);
  }
}

TEST_F(SchedulerTest, TextDoesNotDependOnChunksNorOnWhatElseRuns) {
  for (const std::int32_t chunk : {1, 7, 16, 100}) {
    start(1024, {.prefill_chunk_tokens = chunk});
    std::vector<GenerationRequest> requests;
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    for (std::uint64_t variant = 0; variant < 20; ++variant) {
      requests.push_back(make_request(1 + static_cast<std::int32_t>(variant * 11 % 150), 30, variant));
      requests.back().tenant = "tenant" + std::to_string(variant % 3);
      if (variant % 5 == 0) requests.back().n = 3;
      sinks.push_back(submit(requests.back()));
    }
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      ASSERT_TRUE(sinks[i]->wait());
      expect_reference(*sinks[i], requests[i]);
    }
    TearDown();
  }
}

TEST_F(SchedulerTest, ChoicesShareOnePromptComputation) {
  start();
  auto request = make_request(100, 20, 5);
  request.n = 6;
  request.ignore_eos = true;
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  expect_reference(*sink, request);
  std::int32_t prompt_tokens = 0;
  for (const auto& step : model_.steps()) {
    for (const auto& slice : step) prompt_tokens += slice.position < 100 ? slice.tokens : 0;
  }
  EXPECT_EQ(prompt_tokens, 100);
  EXPECT_NE(sink->text(0), sink->text(1));
}

// 17 pages are one context and one page: most sequences lose their pages many times.
TEST_F(SchedulerTest, PreemptionChangesNothing) {
  start(17);
  std::vector<GenerationRequest> requests;
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (std::uint64_t variant = 0; variant < 16; ++variant) {
    requests.push_back(make_request(10 + static_cast<std::int32_t>(variant * 7 % 60), 100, variant));
    requests.back().ignore_eos = true;
    if (variant % 4 == 0) requests.back().n = 4;
    if (variant % 3 == 0) requests.back().priority = Priority::kBatch;
    sinks.push_back(submit(requests.back()));
  }
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    ASSERT_TRUE(sinks[i]->wait());
    expect_reference(*sinks[i], requests[i]);
  }
  scheduler_->stop();  // what is counted shows after the step
  EXPECT_GT(metrics_.model("fake").preemptions->Value(), 0.0);
}

TEST_F(SchedulerTest, ChoicesThatTogetherExceedTheCacheAllFinish) {
  start(16);
  auto request = make_request(40, 0, 9);
  request.n = 16;
  request.ignore_eos = true;
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  expect_reference(*sink, request);
  EXPECT_EQ(sink->finish(15), FinishReason::kLength);
}

TEST_F(SchedulerTest, PagesAreCountedByTenantAndSharedOnesOnce) {
  start(1024, {.prefill_chunk_tokens = 1024});
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  auto request = make_request(100, 30, 1);
  request.tenant = "film";
  request.ignore_eos = true;
  request.n = 4;
  const auto sink = submit(request);
  for (int i = 0; i < 3; ++i) {
    gate.wait_until_held();
    std::this_thread::sleep_for(300ms);  // long enough to be counted again
    gate.let_one_pass();
  }
  gate.wait_until_held();
  // 6 whole pages of the prompt that all choices share, and one of its own for each.
  EXPECT_EQ(metrics_.tenant("fake", "film").kv_pages_used->Value(), 10.0);
  EXPECT_EQ(metrics_.model("fake").kv_pages_used->Value(), 10.0);
  gate.open();
  ASSERT_TRUE(sink->wait());
}

// While others decode, a long prompt comes in pieces and every step holds all of the others' tokens.
TEST_F(SchedulerTest, LongPromptNeverHoldsOthersForMoreThanAChunk) {
  start(1024, {.prefill_chunk_tokens = 16});
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  auto decoding = make_request(2, 200, 1);
  decoding.ignore_eos = true;
  const auto first = submit(decoding);
  const auto second = submit(decoding);
  for (int i = 0; i < 3; ++i) {
    gate.wait_until_held();
    gate.let_one_pass();
  }
  gate.wait_until_held();
  const auto before = model_.step_count();
  auto long_prompt = make_request(200, 5, 2);
  const auto third = submit(long_prompt);
  gate.open();
  ASSERT_TRUE(third->wait());
  ASSERT_TRUE(first->wait());
  ASSERT_TRUE(second->wait());
  const auto steps = model_.steps();
  std::size_t chunks = 0;
  for (std::size_t i = before; i < steps.size(); ++i) {
    std::int32_t prompt_tokens = 0;
    std::int32_t single = 0;
    for (const auto& slice : steps[i]) (slice.tokens > 1 ? prompt_tokens : single) += slice.tokens;
    EXPECT_LE(prompt_tokens, 16);
    if (prompt_tokens > 0) {
      ++chunks;
      EXPECT_GE(single, 2) << "step " << i;
    }
  }
  EXPECT_GE(chunks, 12U);
  expect_reference(*third, long_prompt);
}

TEST_F(SchedulerTest, CancelEndsARequestWithinOneStep) {
  start();
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  auto request = make_request(4, 200, 3);
  request.ignore_eos = true;
  std::uint64_t id = 0;
  const auto sink = submit(request, &id);
  const auto other = submit(request);
  for (int i = 0; i < 4; ++i) {
    gate.wait_until_held();
    gate.let_one_pass();
  }
  gate.wait_until_held();
  const auto steps_when_cancelled = model_.step_count();  // the step that is held counts
  scheduler_->cancel(id);
  scheduler_->cancel(id);
  scheduler_->cancel(12345);
  gate.let_one_pass();
  gate.wait_until_held();
  EXPECT_TRUE(sink->done());
  EXPECT_EQ(sink->finish(), FinishReason::kCancelled);
  EXPECT_EQ(model_.steps().at(steps_when_cancelled).size(), 1U) << "only the other one is computed";
  gate.open();
  ASSERT_TRUE(other->wait());
  EXPECT_TRUE(sink->violations().empty());
  EXPECT_GT(sink->usage().completion_tokens, 0);
  EXPECT_GT(sink->usage().compute_time.count(), 0);
  expect_reference(*other, request);
}

TEST_F(SchedulerTest, CancelledInTheQueueCostsNothing) {
  start(1024, {.max_running_sequences = 1});
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  const auto running = submit(make_request(4, 5, 1));
  gate.wait_until_held();
  std::uint64_t id = 0;
  auto request = make_request(4, 5, 2);
  const auto queued = submit(request, &id);
  scheduler_->cancel(id);
  gate.open();
  ASSERT_TRUE(queued->wait());
  EXPECT_EQ(queued->finish(), FinishReason::kCancelled);
  EXPECT_EQ(queued->usage().prompt_tokens, 0);
  EXPECT_EQ(queued->usage().compute_time.count(), 0);
  EXPECT_GT(queued->usage().queue_time.count(), 0);
  ASSERT_TRUE(running->wait());
}

TEST_F(SchedulerTest, EveryChoiceIsToldOfItsEnd) {
  start(1024, {.max_running_sequences = 4});
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  auto request = make_request(40, 100, 2);
  request.n = 4;
  std::uint64_t id = 0;
  const auto sink = submit(request, &id);
  gate.wait_until_held();
  const auto waiting = submit(request);
  scheduler_->cancel(id);
  gate.let_one_pass();
  ASSERT_TRUE(sink->wait());
  for (std::int32_t choice = 0; choice < 4; ++choice) EXPECT_EQ(sink->finish(choice), FinishReason::kCancelled);
  EXPECT_TRUE(sink->violations().empty());
  gate.open();
  ASSERT_TRUE(waiting->wait());
  expect_reference(*waiting, request);
}

TEST_F(SchedulerTest, DeadlinesCountWhileRunningAndWhileWaiting) {
  start(1024, {.max_running_sequences = 1});
  model_.set_hook([](const FakeModel::Step&) -> base::Result<void> {
    std::this_thread::sleep_for(2ms);
    return {};
  });
  auto running = make_request(4, 0, 1);
  running.ignore_eos = true;
  running.deadline = Clock::now() + 60ms;
  const auto first = submit(running);
  auto waiting = make_request(4, 10, 2);
  waiting.deadline = Clock::now() + 20ms;
  const auto second = submit(waiting);
  ASSERT_TRUE(second->wait());
  EXPECT_EQ(second->finish(), FinishReason::kDeadline);
  EXPECT_EQ(second->usage().completion_tokens, 0);
  EXPECT_FALSE(first->done());
  ASSERT_TRUE(first->wait());
  EXPECT_EQ(first->finish(), FinishReason::kDeadline);
  EXPECT_GT(first->usage().completion_tokens, 0);
  EXPECT_EQ(first->text(), reference_answer(running, 0, kContext).text.substr(0, first->text().size()));

  running.deadline = Clock::now() - 1ms;
  const auto late = scheduler_->submit(running, std::make_shared<CollectingSink>());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, base::ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(late.error().field, "timeout_ms");
}

TEST_F(SchedulerTest, DeadlineOfASlowReaderIsKept) {
  start();
  auto sink = std::make_shared<CollectingSink>();
  sink->set_ready(false);
  auto request = make_request(4, 10, 2);
  request.deadline = Clock::now() + 30ms;
  submit_to(sink, request);
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->finish(), FinishReason::kDeadline);
}

TEST_F(SchedulerTest, FullQueueIsRefusedButKeepsAPlaceForOthers) {
  start(1024, {.max_running_sequences = 1, .max_queued_requests = 4});
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  std::vector<std::shared_ptr<CollectingSink>> sinks{submit(make_request(4, 3))};
  gate.wait_until_held();
  for (int i = 0; i < 4; ++i) sinks.push_back(submit(make_request(4, 3)));
  const auto refused = scheduler_->submit(make_request(4, 3), std::make_shared<CollectingSink>());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::kResourceExhausted);
  EXPECT_NE(refused.error().message.find("fake"), std::string::npos);
  EXPECT_GE(scheduler_->expected_wait(), 1s);
  auto other = make_request(4, 3);
  other.tenant = "other";
  sinks.push_back(submit(other));
  EXPECT_FALSE(scheduler_->submit(other, std::make_shared<CollectingSink>()));
  EXPECT_EQ(metrics_.tenant("fake", "studio").requests[kRejectedOutcome]->Value(), 1.0);
  EXPECT_EQ(scheduler_->active_requests(), 6);
  gate.open();
  for (const auto& sink : sinks) ASSERT_TRUE(sink->wait());
}

TEST_F(SchedulerTest, ErrorInAStepEndsItsRequestsOnly) {
  start();
  std::atomic<bool> fail{false};
  model_.set_hook([&](const FakeModel::Step&) -> base::Result<void> {
    if (fail.exchange(false)) return base::Error{base::ErrorCode::kInternal, "no more stars"};
    return {};
  });
  auto request = make_request(4, 20, 1);
  fail = true;
  request.n = 2;
  const auto failed = submit(request);
  ASSERT_TRUE(failed->wait());
  EXPECT_EQ(failed->finish(0), FinishReason::kError);
  EXPECT_EQ(failed->finish(1), FinishReason::kError);
  ASSERT_TRUE(failed->error());
  EXPECT_EQ(failed->error()->message, "no more stars");
  const auto after = submit(request);
  ASSERT_TRUE(after->wait());
  expect_reference(*after, request);
}

TEST_F(SchedulerTest, ExceptionInAStepIsAnError) {
  start();
  std::atomic<int> steps{0};
  model_.set_hook([&](const FakeModel::Step&) -> base::Result<void> {
    if (++steps == 3) throw std::runtime_error("a broken invariant");
    return {};
  });
  auto request = make_request(4, 20, 1);
  request.ignore_eos = true;
  const auto failed = submit(request);
  ASSERT_TRUE(failed->wait());
  EXPECT_EQ(failed->finish(), FinishReason::kError);
  EXPECT_EQ(failed->usage().completion_tokens, 2);
  const auto after = submit(request);
  ASSERT_TRUE(after->wait());
  expect_reference(*after, request);
}

TEST_F(SchedulerTest, SinkThatThrowsIsCancelledAloneAndOthersGoOn) {
  start();
  auto request = make_request(4, 30, 1);
  request.ignore_eos = true;
  auto bad = std::make_shared<CollectingSink>([](const GenerationEvent& event) {
    if (!event.finish) throw std::runtime_error("broken pipe");
  });
  submit_to(bad, request);
  const auto good = submit(request);
  ASSERT_TRUE(bad->wait());
  ASSERT_TRUE(good->wait());
  EXPECT_EQ(bad->finish(), FinishReason::kCancelled);
  EXPECT_LT(bad->usage().completion_tokens, 30);
  expect_reference(*good, request);
}

TEST_F(SchedulerTest, SlowReaderWaitsWithoutBeingComputedAndGoesOnWhenWoken) {
  start();
  auto request = make_request(4, 30, 1);
  request.ignore_eos = true;
  std::shared_ptr<CollectingSink> slow;
  slow = std::make_shared<CollectingSink>([&](const GenerationEvent&) {
    if (slow->events().size() == 3) slow->set_ready(false);
  });
  submit_to(slow, request);
  auto other = make_request(9, 30, 2);
  const auto fast = submit(other);
  ASSERT_TRUE(fast->wait());
  std::this_thread::sleep_for(5ms);
  const auto steps = model_.step_count();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(model_.step_count(), steps);
  EXPECT_EQ(slow->events().size(), 3U);
  EXPECT_FALSE(slow->done());
  slow->set_ready(true);
  scheduler_->wake();
  ASSERT_TRUE(slow->wait());
  expect_reference(*slow, request);
  expect_reference(*fast, other);
}

TEST_F(SchedulerTest, SlowReaderGivesItsPlaceToThoseWhoWait) {
  start(1024, {.max_running_sequences = 1});
  auto slow = std::make_shared<CollectingSink>();
  auto request = make_request(40, 30, 1);
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  submit_to(slow, request);
  gate.wait_until_held();
  slow->set_ready(false);
  auto other = make_request(9, 30, 2);
  const auto fast = submit(other);
  gate.open();
  ASSERT_TRUE(fast->wait());
  EXPECT_FALSE(slow->done());
  slow->set_ready(true);
  scheduler_->wake();
  ASSERT_TRUE(slow->wait());
  expect_reference(*slow, request);
  expect_reference(*fast, other);
}

TEST_F(SchedulerTest, StoppingEndsEveryRequestOnce) {
  start(1024, {.max_running_sequences = 2});
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (int i = 0; i < 5; ++i) sinks.push_back(submit(make_request(20, 100, static_cast<std::uint64_t>(i))));
  gate.wait_until_held();
  gate.open();
  scheduler_->stop();
  for (const auto& sink : sinks) {
    EXPECT_TRUE(sink->done());
    EXPECT_TRUE(sink->violations().empty());
    if (sink->finish() == FinishReason::kError) {
      EXPECT_EQ(sink->error()->code, base::ErrorCode::kUnavailable);
    }
  }
  const auto late = scheduler_->submit(make_request(4, 4), std::make_shared<CollectingSink>());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, base::ErrorCode::kUnavailable);
  scheduler_->cancel(1);
}

TEST_F(SchedulerTest, DrainingFinishesWhatRunsAndRefusesTheRest) {
  start(1024, {.max_running_sequences = 2});
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  const auto request = make_request(20, 50, 1);
  const auto running = submit(request);
  gate.wait_until_held();
  const auto just_in_time = submit(request);  // finds a place
  const auto queued = submit(request);
  scheduler_->drain();
  const auto late = scheduler_->submit(request, std::make_shared<CollectingSink>());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, base::ErrorCode::kUnavailable);
  gate.let_one_pass();
  gate.wait_until_held();
  ASSERT_TRUE(queued->done()) << "at once, not when its turn would have come";
  EXPECT_EQ(queued->finish(), FinishReason::kError);
  EXPECT_EQ(queued->error()->code, base::ErrorCode::kUnavailable);
  EXPECT_EQ(queued->usage().prompt_tokens, 0);
  gate.open();
  ASSERT_TRUE(running->wait());
  ASSERT_TRUE(just_in_time->wait());
  expect_reference(*running, request);
  expect_reference(*just_in_time, request);
}

TEST_F(SchedulerTest, ExpectedWaitFollowsTheQueue) {
  start(1024, {.max_running_sequences = 1});
  EXPECT_EQ(scheduler_->expected_wait(), 1s) << "nothing is known yet";
  std::atomic<bool> slow{true};
  model_.set_hook([&](const FakeModel::Step&) -> base::Result<void> {
    if (slow) std::this_thread::sleep_for(100ms);
    return {};
  });
  auto request = make_request(4, 5, 1);
  request.ignore_eos = true;
  ASSERT_TRUE(submit(request)->wait());  // half a second of service
  while (scheduler_->active_requests() > 0) std::this_thread::sleep_for(1ms);
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (int i = 0; i < 11; ++i) sinks.push_back(submit(request));
  EXPECT_GE(scheduler_->expected_wait(), 4s);
  EXPECT_LE(scheduler_->expected_wait(), 30s);
  slow = false;
  for (const auto& sink : sinks) ASSERT_TRUE(sink->wait());
  EXPECT_EQ(scheduler_->expected_wait(), 1s);
}

TEST_F(SchedulerTest, RequestFromInsideASinkIsServed) {
  start();
  const auto request = make_request(4, 5, 1);
  const auto follow_up = std::make_shared<CollectingSink>();
  auto sink = std::make_shared<CollectingSink>([&](const GenerationEvent& event) {
    if (event.usage) submit_to(follow_up, request);
  });
  submit_to(sink, request);
  ASSERT_TRUE(follow_up->wait());
  expect_reference(*follow_up, request);
}

TEST_F(SchedulerTest, UsageAndMetricsCountEveryToken) {
  start();
  auto request = make_request(33, 12, 4);
  request.ignore_eos = true;
  request.n = 2;
  request.tenant = "film";
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->usage().prompt_tokens, 33);
  EXPECT_EQ(sink->usage().completion_tokens, 24);
  EXPECT_GT(sink->usage().compute_time.count(), 0);
  scheduler_->stop();
  const auto& series = metrics_.tenant("fake", "film");
  EXPECT_EQ(series.prompt_tokens->Value(), 33.0);
  EXPECT_EQ(series.completion_tokens->Value(), 24.0);
  EXPECT_EQ(series.requests[static_cast<std::size_t>(FinishReason::kLength)]->Value(), 1.0);
  EXPECT_EQ(series.queue_seconds->Collect().histogram.sample_count, 1U);
  EXPECT_EQ(series.first_token_seconds->Collect().histogram.sample_count, 1U);
  EXPECT_EQ(series.token_seconds->Collect().histogram.sample_count, 22U);
  const auto batches = series.batch_size->Collect().histogram;
  EXPECT_EQ(batches.sample_count, 12U);
  EXPECT_EQ(batches.sample_sum, 23.0) << "the prompt's step is one sequence, the other eleven are two";
  EXPECT_EQ(series.kv_pages_used->Value(), 0.0);
  EXPECT_EQ(metrics_.model("fake").kv_pages_used->Value(), 0.0);
  EXPECT_EQ(metrics_.model("fake").running->Value(), 0.0);
}

}  // namespace
}  // namespace marquee::serving::testing
