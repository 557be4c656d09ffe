// What a request may ask for, and what ends an answer.

#include "serving/generation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "serving/scheduler_fixture_test.h"

namespace marquee::serving::testing {
namespace {

using GenerationTest = SchedulerTest;

TEST_F(GenerationTest, EndTokenEndsUnlessItIsForbidden) {
  start();
  std::uint64_t ended = 0;
  for (std::uint64_t variant = 0; variant < 30; ++variant) {
    auto request = make_request(5, 60, variant);
    request.sampling.logit_bias = {{kFakeEnd, 8.0F}};
    const auto sink = submit(request);
    ASSERT_TRUE(sink->wait());
    expect_reference(*sink, request);
    if (sink->finish() == FinishReason::kStop) ++ended;
    request.ignore_eos = true;
    const auto on = submit(request);
    ASSERT_TRUE(on->wait());
    EXPECT_EQ(on->finish(), FinishReason::kLength);
    EXPECT_EQ(on->usage().completion_tokens, 60);
    expect_reference(*on, request);
  }
  EXPECT_GT(ended, 20U);
}

TEST_F(GenerationTest, StopStringsAreFoundAcrossTokensAndNeverShown) {
  start();
  std::uint64_t stopped = 0;
  for (std::uint64_t variant = 0; variant < 60; ++variant) {
    auto request = make_request(6, 120, variant);
    request.ignore_eos = true;
    auto expected = reference_answer(request, 0, kContext).text;
    const auto middle = expected.size() / 2;
    std::size_t begin = middle;
    while (begin > 0 && (static_cast<unsigned char>(expected[begin]) & 0xC0U) == 0x80U) --begin;
    request.stop = {"never there", expected.substr(begin, 5), "q z"};
    const auto sink = submit(request);
    ASSERT_TRUE(sink->wait());
    expect_reference(*sink, request);
    for (const auto& stop : request.stop) EXPECT_EQ(sink->text().find(stop), std::string::npos);
    stopped += sink->finish() == FinishReason::kStop ? 1 : 0;
  }
  EXPECT_EQ(stopped, 60U);
}

TEST_F(GenerationTest, ContextEndIsLength) {
  start();
  auto request = make_request(200, 0, 1);
  request.ignore_eos = true;
  const auto open_ended = submit(request);
  request.max_tokens = 1'000'000;
  const auto too_many = submit(request);
  ASSERT_TRUE(open_ended->wait());
  ASSERT_TRUE(too_many->wait());
  for (const auto& sink : {open_ended, too_many}) {
    EXPECT_EQ(sink->finish(), FinishReason::kLength);
    EXPECT_EQ(sink->usage().completion_tokens, kContext - 200);
  }
  auto longest = make_request(kContext - 1, 0, 1);
  const auto last = submit(longest);
  ASSERT_TRUE(last->wait());
  EXPECT_EQ(last->usage().completion_tokens, 1);
}

TEST_F(GenerationTest, LogProbabilitiesComeWithTheirText) {
  start();
  auto request = make_request(6, 50, 3);
  request.ignore_eos = true;
  request.sampling.top_logprobs = 3;
  request.stop = {"never there"};
  const auto sink = submit(request);
  ASSERT_TRUE(sink->wait());
  std::vector<TokenId> ids;
  for (const auto& event : sink->events()) {
    for (const auto& record : event.tokens) {
      ASSERT_TRUE(record.sampled.logprob);
      EXPECT_LE(record.sampled.logprob->logprob, 0.0F);
      EXPECT_EQ(record.sampled.top.size(), 3U);
      EXPECT_EQ(record.bytes, tokenizer_.token_bytes(record.sampled.id));
      ids.push_back(record.sampled.id);
    }
  }
  EXPECT_EQ(ids.size(), 50U);
  formats::StreamingDetokenizer detokenizer(tokenizer_);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  EXPECT_EQ(text + detokenizer.finish(), sink->text());
  auto without = request;
  without.sampling.top_logprobs = -1;
  const auto plain = submit(without);
  ASSERT_TRUE(plain->wait());
  for (const auto& event : plain->events()) EXPECT_TRUE(event.tokens.empty());
  EXPECT_EQ(plain->text(), sink->text());
}

TEST_F(GenerationTest, WrongRequestsAreRefusedByField) {
  start();
  const auto good = make_request(4, 4);
  const auto expect_refused = [&](const GenerationRequest& request, const std::string& field) {
    const auto result = scheduler_->submit(request, std::make_shared<CollectingSink>());
    ASSERT_FALSE(result) << field;
    EXPECT_EQ(result.error().code, base::ErrorCode::kInvalidArgument) << field;
    EXPECT_EQ(result.error().field, field);
    EXPECT_FALSE(result.error().message.empty());
  };
  auto request = good;
  request.prompt.clear();
  expect_refused(request, "prompt");
  request.prompt.assign(static_cast<std::size_t>(kContext), 3);
  expect_refused(request, "prompt");
  request.prompt = {3, kFakeVocab};
  expect_refused(request, "prompt");
  request.prompt = {3, -1};
  expect_refused(request, "prompt");
  for (const std::int32_t n : {0, -1, 17, std::numeric_limits<std::int32_t>::max()}) {
    request = good;
    request.n = n;
    expect_refused(request, "n");
  }
  request = good;
  request.max_tokens = -1;
  expect_refused(request, "max_tokens");
  request = good;
  request.stop = {"a", "b", "c", "d", "e"};
  expect_refused(request, "stop");
  request.stop = {""};
  expect_refused(request, "stop");
  request.stop = {std::string(5000, 'x')};
  expect_refused(request, "stop");
  request = good;
  request.sampling.temperature = std::nanf("");
  expect_refused(request, "temperature");
  request = good;
  request.tenant = std::string(300, 't');
  expect_refused(request, "tenant");
  const auto sinkless = scheduler_->submit(good, nullptr);
  ASSERT_FALSE(sinkless);
  EXPECT_EQ(sinkless.error().code, base::ErrorCode::kInternal);
}

}  // namespace
}  // namespace marquee::serving::testing
