// The prefix cache at work in the scheduler: prompts that begin alike are computed once, for one tenant at a time, with
// the text of a plain loop, and never at the cost of another request.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "serving/scheduler_fixture_test.h"

namespace marquee::serving::testing {
namespace {

using namespace std::chrono_literals;

class PrefixSharingTest : public SchedulerTest {
 protected:
  /// A request whose first `shared` tokens are those of every other one.
  static GenerationRequest request_after(std::int32_t shared, std::int32_t own, std::uint64_t variant) {
    GenerationRequest request = make_request(shared, 12, 77);
    const GenerationRequest rest = make_request(own, 12, variant);
    request.prompt.insert(request.prompt.end(), rest.prompt.begin(), rest.prompt.end());
    request.sampling.seed = variant;
    return request;
  }

  std::shared_ptr<CollectingSink> answer(const GenerationRequest& request) {
    auto sink = submit(request);
    EXPECT_TRUE(sink->wait());
    expect_reference(*sink, request);
    return sink;
  }

  /// Tokens computed since the last call.
  std::int64_t computed_tokens() {
    std::int64_t tokens = 0;
    const auto steps = model_.steps();
    for (; steps_seen_ < steps.size(); ++steps_seen_) {
      for (const auto& slice : steps[steps_seen_]) tokens += slice.tokens;
    }
    return tokens;
  }

 private:
  std::size_t steps_seen_ = 0;
};

TEST_F(PrefixSharingTest, ARepeatedPromptCostsLessThanAPage) {
  start();
  const auto request = request_after(160, 20, 1);
  EXPECT_EQ(answer(request)->usage().cached_tokens, 0);
  const std::int64_t first = computed_tokens();
  EXPECT_EQ(answer(request)->usage().cached_tokens, 176) << "whole pages";
  EXPECT_EQ(computed_tokens(), first - 176);
  EXPECT_EQ(answer(request_after(160, 20, 2))->usage().cached_tokens, 160);
  EXPECT_EQ(answer(request_after(150, 20, 3))->usage().cached_tokens, 150) << "a page in part: by copying it";
  const auto& series = metrics_.tenant("fake", "studio");
  scheduler_->stop();
  EXPECT_EQ(series.cache_hit_tokens->Value(), 176.0 + 160.0 + 150.0);
  EXPECT_EQ(series.cache_lookup_tokens->Value(), 3 * 180.0 + 170.0);
  EXPECT_EQ(series.cached_pages->Value(), 0.0);
  EXPECT_EQ(metrics_.model("fake").cached_pages_idle->Value(), 0.0);
}

TEST_F(PrefixSharingTest, AConversationGoesOnFromItsAnswer) {
  start();
  auto request = request_after(64, 10, 1);
  request.ignore_eos = true;
  request.sampling.top_logprobs = 0;
  const auto sink = answer(request);
  for (const auto& event : sink->events()) {
    for (const auto& token : event.tokens) request.prompt.push_back(token.sampled.id);
  }
  ASSERT_EQ(request.prompt.size(), 86U);
  const auto question = make_request(5, 1, 9);
  request.prompt.insert(request.prompt.end(), question.prompt.begin(), question.prompt.end());
  EXPECT_EQ(answer(request)->usage().cached_tokens, 80) << "whole pages of prompt and answer";
}

TEST_F(PrefixSharingTest, AnotherTenantGetsNothingOfIt) {
  start();
  auto request = request_after(160, 20, 1);
  answer(request);
  const std::int64_t first = computed_tokens();
  request.tenant = "rival";
  EXPECT_EQ(answer(request)->usage().cached_tokens, 0);
  EXPECT_EQ(computed_tokens(), first);
  EXPECT_EQ(answer(request)->usage().cached_tokens, 176);
}

TEST_F(PrefixSharingTest, SwitchedOffItIsNotThere) {
  start(1024, {.prefix_cache_percent = 0});
  const auto request = request_after(160, 20, 1);
  answer(request);
  EXPECT_EQ(answer(request)->usage().cached_tokens, 0);
  EXPECT_EQ(metrics_.tenant("fake", "studio").cache_lookup_tokens->Value(), 0.0);
  EXPECT_EQ(pool_->idle_pages(), 0);
}

TEST_F(PrefixSharingTest, ThoseWhoComeTogetherComputeTheSharedPartOnce) {
  start(1024, {.prefill_chunk_tokens = 64});
  StepGate gate;
  model_.set_hook([&](const FakeModel::Step&) { return gate.pass(); });
  const auto blocker = submit(make_request(2, 3, 500));
  gate.wait_until_held();
  std::vector<GenerationRequest> requests;
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  std::int64_t least = 0;
  for (std::uint64_t variant = 0; variant < 8; ++variant) {
    requests.push_back(request_after(192, 5, variant));
    least += 5;
    if (variant == 3) requests.back().n = 3;
    sinks.push_back(submit(requests.back()));
  }
  gate.open();
  std::int64_t generated = 0;
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    ASSERT_TRUE(sinks[i]->wait());
    expect_reference(*sinks[i], requests[i]);
    generated += sinks[i]->usage().completion_tokens;
  }
  ASSERT_TRUE(blocker->wait());
  // One chunk may hold the end of the first one's and the same beginning for the second.
  EXPECT_LE(computed_tokens(), 192 + least + 64 + generated + 10);
}

TEST_F(PrefixSharingTest, ASequenceInNeedTakesTheCachesPagesBeforeAnothers) {
  start(16 + 12);
  auto filling = make_request(180, 4, 3);
  answer(filling);
  EXPECT_GT(pool_->idle_pages(), 8);
  std::vector<GenerationRequest> requests;
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (std::uint64_t variant = 0; variant < 2; ++variant) {
    requests.push_back(make_request(100, 110, 10 + variant));
    requests.back().tenant = "other" + std::to_string(variant);
    requests.back().ignore_eos = true;
    sinks.push_back(submit(requests.back()));
  }
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    ASSERT_TRUE(sinks[i]->wait());
    expect_reference(*sinks[i], requests[i]);
  }
  scheduler_->stop();  // what is counted shows after the step
  EXPECT_EQ(metrics_.model("fake").preemptions->Value(), 0.0);
  EXPECT_GT(metrics_.model("fake").cache_evictions->Value(), 0.0);
}

// Sixteen pages are one context: nothing may keep the sequence from getting all of them.
TEST_F(PrefixSharingTest, AFullContextIsServedAgainAndAgain) {
  start(16);
  auto request = make_request(250, 6, 4);
  request.ignore_eos = true;
  answer(request);
  EXPECT_EQ(answer(request)->usage().cached_tokens, 240);
  request.prompt.resize(233);
  request.max_tokens = 0;
  EXPECT_EQ(answer(request)->usage().cached_tokens, 232) << "the last page copied";
  EXPECT_EQ(answer(request)->usage().cached_tokens, 232);
}

// Few pages, prompts that begin alike, several tenants, choices, priorities, cancellations: the text of a plain loop.
TEST_F(PrefixSharingTest, CrowdsInASmallCacheGetThePlainLoopsText) {
  for (std::uint64_t round = 0; round < 12; ++round) {
    start(17 + static_cast<std::int32_t>(round * 5),
          {.prefill_chunk_tokens = round % 2 == 0 ? 24 : 256, .prefix_cache_percent = round % 3 == 2 ? 30 : 100});
    std::vector<GenerationRequest> requests;
    std::vector<std::shared_ptr<CollectingSink>> sinks;
    std::vector<std::uint64_t> cancelled;
    for (std::uint64_t variant = 0; variant < 24; ++variant) {
      const auto shared = static_cast<std::int32_t>((variant * 29 + round * 11) % 130);
      requests.push_back(request_after(shared, 1 + static_cast<std::int32_t>(variant * 7 % 40), variant % 5));
      requests.back().max_tokens = 60;
      requests.back().ignore_eos = variant % 2 == 0;
      requests.back().tenant = "tenant" + std::to_string(variant % 3);
      if (variant % 6 == 1) requests.back().n = 3;
      if (variant % 5 == 2) requests.back().priority = Priority::kBatch;
      std::uint64_t id = 0;
      sinks.push_back(submit(requests.back(), &id));
      if (variant % 8 == 7) scheduler_->cancel(id);
      cancelled.push_back(variant % 8 == 7 ? 1 : 0);
      if (variant % 9 == 4) std::this_thread::sleep_for(1ms);
    }
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      ASSERT_TRUE(sinks[i]->wait()) << "round " << round << " request " << i;
      if (cancelled[i] == 0) expect_reference(*sinks[i], requests[i]);
      EXPECT_LT(sinks[i]->usage().cached_tokens, std::max<std::int64_t>(sinks[i]->usage().prompt_tokens, 1));
    }
    TearDown();
  }
}

TEST_F(PrefixSharingTest, UsedPagesDoNotCountTheCaches) {
  start();
  answer(request_after(160, 20, 1));
  while (scheduler_->active_requests() > 0) std::this_thread::sleep_for(1ms);
  for (int i = 0; i < 1000 && metrics_.tenant("fake", "studio").cached_pages->Value() < 11; ++i) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(metrics_.tenant("fake", "studio").cached_pages->Value(), 11.0);
  EXPECT_EQ(metrics_.model("fake").cached_pages_idle->Value(), 11.0);
  EXPECT_EQ(metrics_.model("fake").kv_pages_used->Value(), 0.0);
  EXPECT_EQ(metrics_.tenant("fake", "studio").kv_pages_used->Value(), 0.0);
}

}  // namespace
}  // namespace marquee::serving::testing
