#include "apps/bench_stats.h"

#include <gtest/gtest.h>

#include <numeric>

namespace marquee::apps {
namespace {

/// A request whose first token comes after `first_s` and the others every `step_s`.
RequestTimes steady(double begun_s, double first_s, double step_s, int tokens, std::int64_t prompt_tokens = 100) {
  RequestTimes request;
  request.begun_s = begun_s;
  request.prompt_tokens = prompt_tokens;
  request.completion_tokens = tokens;
  for (int i = 0; i < tokens; ++i) request.arrivals_s.push_back(begun_s + first_s + i * step_s);
  request.ended_s = request.arrivals_s.back() + 0.5;
  return request;
}

TEST(BenchStats, PercentilesAreValuesThatWereMeasured) {
  std::vector<double> hundred(100);
  std::iota(hundred.begin(), hundred.end(), 1.0);
  EXPECT_EQ(percentile(hundred, 99), 99);
  EXPECT_EQ(percentile(hundred, 90), 90);
  EXPECT_EQ(percentile({5}, 1), 5);
  EXPECT_EQ(percentile({3, 1, 2}, 95), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_FALSE(spread_of({}));
  EXPECT_FALSE(percentiles_of({}));
}

TEST(BenchStats, OneStream) {
  const std::vector<std::vector<RequestTimes>> runs = {{steady(0, 0.5, 0.01, 11)}, {steady(0, 0.25, 0.02, 11)}};
  const CaseFigures figures = summarise({.streams = 1, .output_tokens = 11}, runs);
  EXPECT_NEAR(figures.prefill_tokens_per_s->min, 200, 1e-6);
  EXPECT_NEAR(figures.prefill_tokens_per_s->max, 400, 1e-6);
  EXPECT_NEAR(figures.decode_tokens_per_s->min, 50, 1e-6);
  EXPECT_NEAR(figures.decode_tokens_per_s->max, 100, 1e-6);
  EXPECT_NEAR(figures.output_tokens_per_s->max, 11 / 0.95, 1e-6);
  EXPECT_EQ(figures.token_ms->count, 20U);
  EXPECT_NEAR(figures.token_ms->p50, 15, 1e-6);
  EXPECT_NEAR(figures.mean_token_ms->max, 20, 1e-6);
  EXPECT_EQ(figures.completion_tokens, 22);
  EXPECT_EQ(figures.expected_tokens, 22);
}

TEST(BenchStats, SeveralStreamsAreRatedWhileAllDecode) {
  // The second has its first token at 1.0 s; the first ends at 0.1 + 19 * 0.1 = 2.0 s: ten tokens of each in a second.
  const std::vector<std::vector<RequestTimes>> runs = {{steady(0, 0.1, 0.1, 20), steady(0, 1.0, 0.1, 20)}};
  const CaseFigures figures = summarise({.streams = 2, .output_tokens = 20}, runs);
  EXPECT_FALSE(figures.prefill_tokens_per_s) << "it waits for the others too";
  EXPECT_NEAR(figures.decode_tokens_per_s->median, 20, 1.01);
  EXPECT_NEAR(figures.output_tokens_per_s->median, 40 / 3.4, 1e-6);
  EXPECT_NEAR(figures.first_token_ms->max, 1000, 1e-6);
}

TEST(BenchStats, StreamsThatNeverDecodeTogetherHaveNoCommonRate) {
  const std::vector<std::vector<RequestTimes>> runs = {{steady(0, 0.1, 0.1, 5), steady(0, 2.0, 0.1, 5)}};
  const CaseFigures figures = summarise({.streams = 2, .output_tokens = 5}, runs);
  EXPECT_FALSE(figures.decode_tokens_per_s);
  EXPECT_TRUE(figures.output_tokens_per_s);
}

TEST(BenchStats, SeveralTokensInOnePieceCountAsWhatTheyAre) {
  RequestTimes request = steady(0, 0.5, 0.02, 11);
  request.completion_tokens = 22;
  const CaseFigures figures =
      summarise({.streams = 1, .output_tokens = 22}, std::vector<std::vector<RequestTimes>>{{request}});
  EXPECT_NEAR(figures.decode_tokens_per_s->median, 100, 1e-6);
}

TEST(BenchStats, AnAnswerWithoutTextHasNoTimes) {
  RequestTimes silent;
  silent.ended_s = 1;
  const CaseFigures figures =
      summarise({.streams = 1, .output_tokens = 4}, std::vector<std::vector<RequestTimes>>{{silent}});
  EXPECT_FALSE(figures.first_token_ms);
  EXPECT_FALSE(figures.decode_tokens_per_s);
  EXPECT_EQ(figures.completion_tokens, 0);
}

}  // namespace
}  // namespace marquee::apps
