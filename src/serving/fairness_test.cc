// Who gets the machine when it is not enough for all: tenants in equal parts, interactive work before batch work, and
// batch work after a while all the same.

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serving/scheduler_fixture_test.h"

namespace marquee::serving::testing {
namespace {

using namespace std::chrono_literals;

/// Counts each tenant's tokens in the order in which they come.
class Ledger {
 public:
  struct Entry {
    std::string tenant;
    bool last = false;  ///< of its request
  };
  std::shared_ptr<CollectingSink> sink_for(const std::string& tenant) {
    return std::make_shared<CollectingSink>([this, tenant](const GenerationEvent& event) {
      const std::lock_guard lock(mutex_);
      for (std::size_t i = 0; i < event.tokens.size(); ++i) entries_.push_back({tenant});
      if (event.usage) entries_.push_back({tenant, true});
    });
  }
  /// Tokens of each tenant until the first of them has no request left.
  [[nodiscard]] std::map<std::string, std::int64_t> while_all_want(std::map<std::string, int> requests) const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::int64_t> tokens;
    for (const Entry& entry : entries_) {
      if (!entry.last) ++tokens[entry.tenant];
      if (entry.last && --requests[entry.tenant] == 0) break;
    }
    return tokens;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

class FairnessTest : public SchedulerTest {
 protected:
  static GenerationRequest request_of(const std::string& tenant, std::int32_t prompt, std::int32_t tokens,
                                      std::uint64_t variant) {
    auto request = make_request(prompt, tokens, variant);
    request.tenant = tenant;
    request.ignore_eos = true;
    request.sampling.top_logprobs = 0;  // so that events carry their tokens
    return request;
  }

  std::shared_ptr<CollectingSink> submit_counted(GenerationRequest request) {
    auto sink = ledger_.sink_for(request.tenant);
    submit_to(sink, std::move(request));
    sinks_.push_back(sink);
    return sink;
  }

  void wait_for_all() {
    for (const auto& sink : sinks_) ASSERT_TRUE(sink->wait());
  }

  /// The scheduler stands in its first step, with one request of its own, until open().
  void hold() {
    model_.set_hook([this](const FakeModel::Step&) { return gate_.pass(); });
    plug_ = submit(request_of("plug", 1, 1, 0));
    gate_.wait_until_held();
  }

  Ledger ledger_;
  StepGate gate_;
  std::shared_ptr<CollectingSink> plug_;
  std::vector<std::shared_ptr<CollectingSink>> sinks_;
};

TEST_F(FairnessTest, AFloodOfOneTenantLeavesAnotherItsShare) {
  start(1024, {.max_running_sequences = 4});
  hold();
  for (std::uint64_t i = 0; i < 60; ++i) submit_counted(request_of("flood", 20, 30, i));
  for (std::uint64_t i = 0; i < 20; ++i) submit_counted(request_of("film", 20, 30, 100 + i));
  gate_.open();
  wait_for_all();
  auto tokens = ledger_.while_all_want({{"flood", 60}, {"film", 20}});
  EXPECT_NEAR(static_cast<double>(tokens["flood"]) / static_cast<double>(tokens["film"]), 1.0, 0.15)
      << tokens["flood"] << " tokens to " << tokens["film"];
}

TEST_F(FairnessTest, SharesAreTokensNotRequests) {
  start(1024, {.max_running_sequences = 2});
  hold();
  // One tenant asks for long answers, the other for short ones to long prompts: both cost, so both count.
  for (std::uint64_t i = 0; i < 12; ++i) submit_counted(request_of("long", 4, 200, i));
  for (std::uint64_t i = 0; i < 200; ++i) submit_counted(request_of("short", 4, 10, 100 + i));
  gate_.open();
  wait_for_all();
  auto tokens = ledger_.while_all_want({{"long", 12}, {"short", 200}});
  EXPECT_NEAR(static_cast<double>(tokens["long"]) / static_cast<double>(tokens["short"]), 1.0, 0.3)
      << tokens["long"] << " tokens to " << tokens["short"];
}

TEST_F(FairnessTest, ANewcomerIsServedAtOnceFromAFullBatch) {
  start(1024, {.max_running_sequences = 4});
  hold();
  for (std::uint64_t i = 0; i < 8; ++i) submit_counted(request_of("first", 4, 200, i));
  for (int i = 0; i < 10; ++i) {
    gate_.let_one_pass();
    gate_.wait_until_held();
  }
  const auto newcomer = submit(request_of("second", 4, 3, 99));
  for (int i = 0; i < 4; ++i) {
    gate_.let_one_pass();
    gate_.wait_until_held();
  }
  EXPECT_TRUE(newcomer->done()) << "the batch was full of another tenant's requests, none of which has ended";
  EXPECT_FALSE(sinks_.front()->done());
  gate_.open();
  wait_for_all();
}

TEST_F(FairnessTest, LongPromptsOfOneTenantDoNotHoldUpAnothersShortOne) {
  start(1024, {.prefill_chunk_tokens = 64});
  hold();
  for (std::uint64_t i = 0; i < 12; ++i) submit_counted(request_of("novel", 240, 1, i));
  const auto line = submit(request_of("line", 30, 1, 99));
  gate_.let_one_pass();  // the plug
  for (int i = 0; i < 2; ++i) {
    gate_.wait_until_held();
    gate_.let_one_pass();
  }
  gate_.wait_until_held();
  EXPECT_TRUE(line->done()) << "2880 tokens of another tenant came first, but half of each chunk is ours";
  gate_.open();
  wait_for_all();
}

TEST_F(FairnessTest, BatchWorkGivesWayToInteractiveWorkAndGoesOnAfterwards) {
  start(1024, {.max_running_sequences = 2});
  hold();
  auto batch = request_of("studio", 4, 100, 1);
  batch.priority = Priority::kBatch;
  const auto first = submit(batch);
  const auto second = submit(batch);
  const auto third = submit(batch);
  for (int i = 0; i < 10; ++i) {
    gate_.let_one_pass();
    gate_.wait_until_held();
  }
  const auto interactive = request_of("studio", 4, 20, 2);
  const auto one = submit(interactive);
  const auto two = submit(interactive);
  const auto steps = model_.step_count();
  gate_.open();
  ASSERT_TRUE(one->wait());
  ASSERT_TRUE(two->wait());
  // From the next step on only they were computed: both slots are theirs.
  const auto all = model_.steps();
  for (std::size_t i = steps; i < steps + 20; ++i) EXPECT_EQ(all.at(i).size(), 2U) << "step " << i;
  for (const auto& sink : {first, second, third}) {
    ASSERT_TRUE(sink->wait());
    expect_reference(*sink, batch);
  }
  expect_reference(*one, interactive);
}

// Interactive requests come without pause; a batch request waits its handicap and is served all the same.
TEST_F(FairnessTest, BatchWorkIsNotStarved) {
  start(1024, {.max_running_sequences = 1, .batch_handicap = 50ms});
  std::mutex mutex;  // of `over`: what ends while it is being set must have submitted its successor, or not do so
  bool over = false;
  std::atomic<int> served{0};
  std::vector<std::shared_ptr<CollectingSink>> chain;
  std::function<void()> submit_next = [&] {
    auto sink = std::make_shared<CollectingSink>([&](const GenerationEvent& event) {
      if (!event.usage) return;
      const std::scoped_lock lock(mutex);
      if (over) return;
      ++served;
      submit_next();
    });
    chain.push_back(sink);
    submit_to(sink, request_of("busy", 4, 5, 1));
  };
  hold();
  submit_next();
  submit_next();  // one waits while the other runs
  auto batch = request_of("busy", 4, 5, 2);
  batch.priority = Priority::kBatch;
  const auto submitted = Clock::now();
  const auto waiting = submit(batch);
  gate_.open();
  ASSERT_TRUE(waiting->wait());
  const auto taken = Clock::now() - submitted;
  {
    const std::scoped_lock lock(mutex);
    over = true;
  }
  EXPECT_GE(taken, 50ms) << "while it is young it yields";
  EXPECT_LT(taken, 5s);
  EXPECT_GT(served, 3) << "it did wait behind others";
  scheduler_->stop();
}

}  // namespace
}  // namespace marquee::serving::testing
