#include "text/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "text/logit_scan.h"

namespace marquee::text {
namespace {

using formats::TokenId;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TokenId sample_once(const SamplingParams& params, std::vector<float> logits, std::span<const TokenId> prompt = {},
                    std::span<const TokenId> forbidden = {}) {
  return Sampler(params, 0, prompt).sample(logits, forbidden).id;
}

SamplingParams greedy() {
  SamplingParams params;
  params.temperature = 0.0F;
  return params;
}

// ---- a straightforward reference: sort everything, in double precision

using Distribution = std::map<TokenId, double>;

void renormalise(Distribution& distribution) {
  double total = 0.0;
  for (const auto& [id, p] : distribution) total += p;
  for (auto& [id, p] : distribution) p /= total;
}

/// Keeps the entries of lowest score until `mass` is reached.
void keep_lowest(Distribution& distribution, double mass, const std::function<double(double)>& score) {
  std::vector<std::pair<TokenId, double>> order(distribution.begin(), distribution.end());
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto& a, const auto& b) { return score(a.second) < score(b.second); });
  distribution.clear();
  double sum = 0.0;
  for (const auto& [id, p] : order) {
    distribution[id] = p;
    if ((sum += p) >= mass) break;
  }
  renormalise(distribution);
}

Distribution reference(const SamplingParams& params, const std::vector<float>& logits) {
  Distribution distribution;
  const double largest = *std::max_element(logits.begin(), logits.end());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -kInfinity) distribution[static_cast<TokenId>(i)] = std::exp(logits[i] - largest);
  }
  renormalise(distribution);
  if (params.top_k > 0 && static_cast<std::size_t>(params.top_k) < distribution.size()) {
    std::vector<std::pair<TokenId, double>> order(distribution.begin(), distribution.end());
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    order.resize(static_cast<std::size_t>(params.top_k));
    distribution = {order.begin(), order.end()};
    renormalise(distribution);
  }
  if (params.typical_p < 1.0F) {
    double entropy = 0.0;
    for (const auto& [id, p] : distribution) entropy -= p > 0 ? p * std::log(p) : 0.0;
    keep_lowest(distribution, params.typical_p, [&](double p) { return std::abs(-std::log(p) - entropy); });
  }
  if (params.top_p < 1.0F) keep_lowest(distribution, params.top_p, [](double p) { return -p; });
  if (params.min_p > 0.0F) {
    double best = 0.0;
    for (const auto& [id, p] : distribution) best = std::max(best, p);
    std::erase_if(distribution, [&](const auto& entry) { return entry.second < params.min_p * best; });
    renormalise(distribution);
  }
  for (auto& [id, p] : distribution) p = std::pow(p, 1.0 / params.temperature);
  renormalise(distribution);
  return distribution;
}

std::vector<float> random_logits(std::size_t vocab, double spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0.0, spread);
  std::vector<float> logits(vocab);
  for (float& logit : logits) logit = static_cast<float>(normal(random));
  return logits;
}

/// Draws often and compares the counts with the reference by Pearson's chi-square: the statistic, less its degrees of
/// freedom, in standard deviations. Everything is seeded, so the outcome never changes.
void expect_distribution(const SamplingParams& params, const std::vector<float>& logits, int draws) {
  const Distribution expected = reference(params, logits);
  std::map<TokenId, int> counts;
  Sampler sampler(params, 0, {});
  for (int i = 0; i < draws; ++i) {
    std::vector<float> copy = logits;
    ++counts[sampler.sample(copy).id];
  }
  for (const auto& [id, count] : counts) ASSERT_TRUE(expected.contains(id)) << "token " << id << " was cut off";
  double statistic = 0.0;
  double degrees = -1.0;
  double rare_expected = 0.0;  // classes of fewer than 8 expected draws are put together
  double rare_count = 0.0;
  for (const auto& [id, p] : expected) {
    const double want = p * draws;
    const double got = counts.contains(id) ? counts[id] : 0;
    if (want < 8) {
      rare_expected += want;
      rare_count += got;
      continue;
    }
    statistic += (got - want) * (got - want) / want;
    degrees += 1;
  }
  if (rare_expected >= 8) {
    statistic += (rare_count - rare_expected) * (rare_count - rare_expected) / rare_expected;
    degrees += 1;
  }
  if (degrees < 1) return;
  EXPECT_LT((statistic - degrees) / std::sqrt(2 * degrees), 4.0) << statistic << " with " << degrees << " degrees";
}

struct Case {
  const char* name;
  std::function<void(SamplingParams&)> change;
};

class SamplerDistribution : public testing::TestWithParam<Case> {};

TEST_P(SamplerDistribution, IsTheReferences) {
  SamplingParams params;
  params.seed = 2024;
  GetParam().change(params);
  expect_distribution(params, random_logits(50, 1.5, 3), 20000);
  expect_distribution(params, random_logits(1600, 3.0, 4), 5000);
  std::vector<float> holes = random_logits(600, 4.0, 5);
  for (std::size_t i = 0; i < holes.size(); i += 3) holes[i] = -kInfinity;
  expect_distribution(params, holes, 10000);
}

INSTANTIATE_TEST_SUITE_P(Truncations, SamplerDistribution,
                         testing::Values(Case{"plain", [](SamplingParams&) {}},  //
                                         Case{"cold", [](SamplingParams& p) { p.temperature = 0.4F; }},
                                         Case{"hot", [](SamplingParams& p) { p.temperature = 2.0F; }},
                                         Case{"top_k", [](SamplingParams& p) { p.top_k = 7; }},
                                         Case{"top_k_1", [](SamplingParams& p) { p.top_k = 1; }},
                                         Case{"top_k_above_the_heap", [](SamplingParams& p) { p.top_k = 1500; }},
                                         Case{"top_p", [](SamplingParams& p) { p.top_p = 0.8F; }},
                                         Case{"top_p_almost_all", [](SamplingParams& p) { p.top_p = 0.999F; }},
                                         Case{"top_p_tiny", [](SamplingParams& p) { p.top_p = 1e-6F; }},
                                         Case{"min_p", [](SamplingParams& p) { p.min_p = 0.1F; }},
                                         Case{"min_p_1", [](SamplingParams& p) { p.min_p = 1.0F; }},
                                         Case{"typical", [](SamplingParams& p) { p.typical_p = 0.7F; }},
                                         Case{"typical_tiny", [](SamplingParams& p) { p.typical_p = 0.05F; }},
                                         Case{"typical_then_top_p",
                                              [](SamplingParams& p) {
                                                p.typical_p = 0.9F;
                                                p.top_p = 0.7F;
                                              }},
                                         Case{"all",
                                              [](SamplingParams& p) {
                                                p.temperature = 0.7F;
                                                p.top_k = 40;
                                                p.typical_p = 0.95F;
                                                p.top_p = 0.9F;
                                                p.min_p = 0.02F;
                                              }}),
                         [](const auto& info) { return info.param.name; });

TEST(Sampler, TruncationsCutWhereTheReferenceCuts) {
  // The kept set itself, at a realistic vocabulary: everything but the border's rounding must agree.
  const std::vector<float> logits = random_logits(49152, 2.5, 11);
  for (const float p : {0.1F, 0.5F, 0.9F, 0.99F}) {
    SamplingParams params;
    params.top_p = p;
    const Distribution expected = reference(params, logits);
    std::vector<float> block_max;
    std::vector<float> copy = logits;
    const float largest = clean_and_find_max(copy, block_max);
    std::vector<Candidate> kept;
    select_top_p(copy, block_max, largest, p, kept);
    EXPECT_NEAR(static_cast<double>(kept.size()), static_cast<double>(expected.size()), 1 + expected.size() * 1e-4);
    std::size_t common = 0;
    for (const Candidate& candidate : kept) common += expected.contains(candidate.id) ? 1 : 0;
    EXPECT_GE(common + 1 + kept.size() / 10000, kept.size());
  }
}

TEST(Sampler, TopKTakesTheLowestIdsAmongEquals) {
  std::vector<float> logits(1300, 0.0F);
  logits[700] = 1.0F;
  std::vector<float> block_max;
  clean_and_find_max(logits, block_max);
  for (const std::size_t k : {std::size_t{3}, std::size_t{1200}}) {
    std::vector<Candidate> kept;
    select_top_k(logits, block_max, k, kept);
    std::vector<TokenId> ids;
    for (const Candidate& candidate : kept) ids.push_back(candidate.id);
    std::sort(ids.begin(), ids.end());
    std::vector<TokenId> expected(k - 1);
    std::iota(expected.begin(), expected.end(), 0);
    if (k == 3) expected.push_back(700);
    if (k == 1200) expected.push_back(1199);
    EXPECT_EQ(ids, expected);
  }
}

TEST(Sampler, GreedyTakesTheLowestIdAmongEquals) {
  std::vector<float> logits(2000, -1.0F);
  logits[1999] = logits[1234] = logits[777] = 5.0F;
  EXPECT_EQ(sample_once(greedy(), logits), 777);
  EXPECT_EQ(sample_once(greedy(), std::vector<float>(9, 0.0F)), 0);
}

TEST(Sampler, TemperatureTowardsZeroIsGreedy) {
  SamplingParams params;
  for (const float temperature : {1e-6F, 1e-30F, std::numeric_limits<float>::denorm_min()}) {
    params.temperature = temperature;
    EXPECT_EQ(sample_once(params, {0.0F, 0.5F, 0.49F}), 1) << temperature;
  }
}

TEST(Sampler, OnlyOneTokenPossible) {
  std::vector<float> logits(3000, -kInfinity);
  logits[2222] = -50.0F;
  SamplingParams params;
  for (const auto& change : std::vector<std::function<void()>>{
           [] {}, [&] { params.top_k = 5; }, [&] { params.top_p = 0.5F; }, [&] { params.typical_p = 0.5F; },
           [&] { params.min_p = 0.5F; }, [&] { params.temperature = 0.0F; }}) {
    change();
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      params.seed = seed;
      EXPECT_EQ(sample_once(params, logits), 2222);
    }
  }
}

TEST(Sampler, NothingPossibleGivesTheLowestAllowedId) {
  SamplingParams params;
  params.top_logprobs = 2;
  std::vector<float> logits(10, -kInfinity);
  const std::vector<TokenId> forbidden = {0, 1};
  EXPECT_EQ(sample_once(params, logits, {}, forbidden), 2);
  EXPECT_EQ(sample_once(greedy(), std::vector<float>(10, kNaN)), 0);
  const std::vector<TokenId> everything = {0, 1, 2};
  EXPECT_EQ(sample_once(greedy(), std::vector<float>(3, 1.0F), {}, everything), 2);
}

TEST(Sampler, NaNAndInfinityDoNotWin) {
  EXPECT_EQ(sample_once(greedy(), {kNaN, 1.0F, kNaN, 2.0F}), 3);
  EXPECT_EQ(sample_once(greedy(), {1.0F, kInfinity, 2.0F}), 1);
  SamplingParams params;
  params.top_p = 0.9F;
  params.typical_p = 0.9F;
  params.min_p = 0.1F;
  params.top_k = 4;
  params.top_logprobs = 3;
  std::vector<float> logits = {kNaN, 3.4e38F, -3.4e38F, kInfinity, -kInfinity, 0.0F};
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    params.seed = seed;
    std::vector<float> copy = logits;
    const SampledToken token = Sampler(params, 0, {}).sample(copy);
    EXPECT_TRUE(token.id == 3 || token.id == 1) << token.id;
    EXPECT_FALSE(std::isnan(token.logprob->logprob));
  }
}

TEST(Sampler, SameSeedSameTokensWhateverElseIsDrawn) {
  SamplingParams params;
  params.seed = 99;
  const auto draw = [&](std::uint32_t choice, int count) {
    Sampler sampler(params, choice, {});
    std::vector<TokenId> ids;
    for (int i = 0; i < count; ++i) {
      std::vector<float> logits = random_logits(500, 1.0, static_cast<unsigned>(i));
      ids.push_back(sampler.sample(logits).id);
    }
    return ids;
  };
  EXPECT_EQ(draw(0, 50), draw(0, 50));
  EXPECT_NE(draw(0, 50), draw(1, 50)) << "choices of one request differ";
  const auto before = draw(0, 50);
  params.seed = 100;
  EXPECT_NE(draw(0, 50), before);
}

TEST(Sampler, RandomNumberDependsOnThePositionAlone) {
  // The third token is the same whether the first two were truncated, greedy by a single candidate, or penalised.
  SamplingParams params;
  params.seed = 5;
  const std::vector<float> third = random_logits(400, 1.0, 1);
  const auto third_after = [&](std::vector<float> first, std::vector<float> second) {
    Sampler sampler(params, 0, {});
    sampler.sample(first);
    sampler.sample(second);
    std::vector<float> copy = third;
    return sampler.sample(copy).id;
  };
  const TokenId expected = third_after(random_logits(400, 1.0, 2), random_logits(400, 1.0, 3));
  EXPECT_EQ(third_after({0.0F, -kInfinity}, {0.0F}), expected);
  EXPECT_EQ(third_after(std::vector<float>(400, kNaN), random_logits(400, 3.0, 9)), expected);
}

TEST(Sampler, LogitBiasIsAdded) {
  SamplingParams params = greedy();
  params.logit_bias = {{2, 5.0F}, {0, -100.0F}};
  EXPECT_EQ(sample_once(params, {4.0F, 3.0F, -1.0F, 0.0F}), 2);
  params.logit_bias = {{2, 3.5F}};
  EXPECT_EQ(sample_once(params, {4.0F, 3.0F, -1.0F, 0.0F}), 0);
  params.logit_bias = {{99, 3.5F}, {-1, 3.5F}};
  EXPECT_EQ(sample_once(params, {4.0F, 3.0F}), 0) << "ids outside the row are ignored";
}

TEST(Sampler, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  SamplingParams params = greedy();
  params.repetition_penalty = 1.5F;
  const std::vector<TokenId> prompt = {0, 0, 7000, -3};
  std::vector<float> logits = {3.0F, 1.9F, -1.0F};
  Sampler sampler(params, 0, prompt);
  EXPECT_EQ(sampler.sample(logits).id, 0);
  EXPECT_FLOAT_EQ(logits[0], 2.0F) << "once, however often it was in the prompt";
  EXPECT_FLOAT_EQ(logits[1], 1.9F);
  logits = {3.0F, 2.1F, -1.0F};
  EXPECT_EQ(sampler.sample(logits).id, 1);
  logits = {-2.0F, -1.2F, -1.5F};
  EXPECT_EQ(sampler.sample(logits).id, 2) << "-1.2 becomes -1.8, -2 becomes -3";
  EXPECT_FLOAT_EQ(logits[0], -3.0F);
  EXPECT_FLOAT_EQ(logits[1], -1.8F);
}

TEST(Sampler, PresenceAndFrequencyPenaltiesCountTheOutputOnly) {
  SamplingParams params = greedy();
  params.presence_penalty = 0.5F;
  params.frequency_penalty = 0.25F;
  const std::vector<TokenId> prompt = {1, 1, 1};
  Sampler sampler(params, 0, prompt);
  std::vector<float> logits;
  for (int i = 0; i < 3; ++i) {
    logits = {0.0F, 10.0F, 0.0F};
    EXPECT_EQ(sampler.sample(logits).id, 1);
    EXPECT_FLOAT_EQ(logits[1], i == 0 ? 10.0F : 10.0F - 0.5F - 0.25F * static_cast<float>(i));
  }
  logits = {0.0F, 1.2F, 0.0F};
  EXPECT_EQ(sampler.sample(logits).id, 0) << "1.2 - 0.5 - 0.75 is below 0";
}

TEST(Sampler, ForbiddenIdsAreNeverChosen) {
  const std::vector<TokenId> forbidden = {1, 3, 100, -1};
  EXPECT_EQ(sample_once(greedy(), {0.0F, 9.0F, 1.0F, 8.0F}, {}, forbidden), 2);
  SamplingParams params;
  params.top_p = 0.99F;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    params.seed = seed;
    const TokenId id = sample_once(params, {0.0F, 9.0F, 1.0F, 8.0F}, {}, forbidden);
    EXPECT_TRUE(id == 0 || id == 2);
  }
}

TEST(Sampler, LogprobsAreTheModelsOwn) {
  SamplingParams params = greedy();
  params.top_logprobs = 3;
  params.temperature = 0.3F;
  params.top_k = 1;
  params.repetition_penalty = 2.0F;
  params.logit_bias = {{4, 50.0F}};
  const std::vector<TokenId> prompt = {0};
  const std::vector<float> source = {2.0F, 1.0F, 1.0F, -kInfinity, 0.0F, 1.0F};
  std::vector<float> logits = source;
  const SampledToken token = Sampler(params, 0, prompt).sample(logits);
  double total = 0.0;
  for (const float logit : source) total += std::exp(logit);
  EXPECT_EQ(token.id, 4);
  ASSERT_TRUE(token.logprob);
  EXPECT_EQ(token.logprob->id, 4);
  EXPECT_NEAR(token.logprob->logprob, 0.0 - std::log(total), 1e-5);
  ASSERT_EQ(token.top.size(), 3U);
  EXPECT_EQ(token.top[0].id, 0);
  EXPECT_EQ(token.top[1].id, 1) << "the lowest ids among equals, in order";
  EXPECT_EQ(token.top[2].id, 2);
  EXPECT_NEAR(token.top[0].logprob, 2.0 - std::log(total), 1e-5);
}

TEST(Sampler, LogprobsWithoutTopOnesAndOfTheImpossible) {
  SamplingParams params = greedy();
  params.top_logprobs = 0;
  std::vector<float> logits = {0.0F, 0.0F};
  SampledToken token = Sampler(params, 0, {}).sample(logits);
  EXPECT_NEAR(token.logprob->logprob, std::log(0.5), 1e-6);
  EXPECT_TRUE(token.top.empty());
  const std::vector<TokenId> forbidden = {0};
  logits = {0.0F, -kInfinity};
  token = Sampler(params, 0, {}).sample(logits, forbidden);
  EXPECT_EQ(token.id, 1);
  EXPECT_FLOAT_EQ(token.logprob->logprob, -9999.0F);
  params.top_logprobs = 20;
  logits = {1.0F, 2.0F, 3.0F};
  EXPECT_EQ(Sampler(params, 0, {}).sample(logits).top.size(), 3U) << "fewer than asked in a tiny vocabulary";
  params.top_logprobs = -1;
  EXPECT_FALSE(Sampler(params, 0, {}).sample(logits).logprob);
}

TEST(LogitScan, ExponentialsAreAccurate) {
  for (float x = 0.0F; x > -87.0F; x -= 0.0137F) {
    EXPECT_NEAR(exp_nonpositive(x) / std::exp(static_cast<double>(x)), 1.0, 1e-5) << x;
  }
  EXPECT_EQ(exp_nonpositive(0.0F), 1.0F);
  EXPECT_EQ(exp_nonpositive(-100.0F), 0.0F);
  EXPECT_EQ(exp_nonpositive(-kInfinity), 0.0F);
}

TEST(LogitScan, SumsEveryLength) {
  for (std::size_t n = 1; n < 1100; n += 7) {
    const std::vector<float> logits = random_logits(n, 3.0, static_cast<unsigned>(n));
    const float largest = *std::max_element(logits.begin(), logits.end());
    double expected = 0.0;
    for (const float logit : logits) expected += std::exp(0.5 * (static_cast<double>(logit) - largest));
    EXPECT_NEAR(sum_of_exponentials(logits, largest, 0.5F) / expected, 1.0, 1e-5) << n;
  }
}

TEST(LogitScan, DrawsAtTheEdges) {
  std::vector<float> logits(1537, -kInfinity);
  logits[3] = logits[1536] = 0.0F;
  EXPECT_EQ(draw_from_all(logits, 0.0F, 1.0F, 0.0), 3);
  EXPECT_EQ(draw_from_all(logits, 0.0F, 1.0F, 0.49), 3);
  EXPECT_EQ(draw_from_all(logits, 0.0F, 1.0F, 0.51), 1536);
  EXPECT_EQ(draw_from_all(logits, 0.0F, 1.0F, std::nextafter(1.0, 0.0)), 1536);
}

// ---- validation

void expect_refused(const SamplingParams& params, const std::string& field, const std::string& part) {
  const auto result = validate(params, 100);
  ASSERT_FALSE(result) << field;
  EXPECT_EQ(result.error().code, base::ErrorCode::kInvalidArgument);
  EXPECT_EQ(result.error().field, field);
  EXPECT_THAT(result.error().message, testing::HasSubstr(part));
}

TEST(SamplingParams, DefaultsAndBoundsAreAccepted) {
  EXPECT_TRUE(validate({}, 100));
  SamplingParams params;
  params.temperature = 2.0F;
  params.top_k = 100;
  params.top_p = 1e-9F;
  params.min_p = 1.0F;
  params.typical_p = 1.0F;
  params.repetition_penalty = 2.0F;
  params.presence_penalty = -2.0F;
  params.frequency_penalty = 2.0F;
  params.top_logprobs = 20;
  params.logit_bias = {{0, -100.0F}, {99, 100.0F}};
  EXPECT_TRUE(validate(params, 100));
}

TEST(SamplingParams, OutOfRangeIsRefusedByName) {
  const auto refused = [](const std::string& field, const std::string& part, auto change) {
    SamplingParams params;
    change(params);
    expect_refused(params, field, part);
  };
  refused("temperature", "at least 0 and at most 2", [](auto& p) { p.temperature = 2.1F; });
  refused("temperature", "-0.1", [](auto& p) { p.temperature = -0.1F; });
  refused("temperature", "nan", [](auto& p) { p.temperature = kNaN; });
  refused("top_k", "at most 100", [](auto& p) { p.top_k = 101; });
  refused("top_k", "at least 0", [](auto& p) { p.top_k = -1; });
  refused("top_p", "above 0 and at most 1", [](auto& p) { p.top_p = 0.0F; });
  refused("top_p", "inf", [](auto& p) { p.top_p = kInfinity; });
  refused("min_p", "at least 0 and at most 1", [](auto& p) { p.min_p = 1.01F; });
  refused("typical_p", "above 0 and at most 1", [](auto& p) { p.typical_p = 0.0F; });
  refused("repetition_penalty", "above 0 and at most 2", [](auto& p) { p.repetition_penalty = 0.0F; });
  refused("presence_penalty", "at least -2", [](auto& p) { p.presence_penalty = -2.5F; });
  refused("frequency_penalty", "at most 2", [](auto& p) { p.frequency_penalty = kNaN; });
  refused("top_logprobs", "at most 20", [](auto& p) { p.top_logprobs = 21; });
  refused("logit_bias", "token 100", [](auto& p) { p.logit_bias = {{100, 0.0F}}; });
  refused("logit_bias", "token -1", [](auto& p) { p.logit_bias = {{-1, 0.0F}}; });
  refused("logit_bias", "at most 100", [](auto& p) { p.logit_bias = {{1, 100.5F}}; });
  refused("logit_bias", "nan", [](auto& p) { p.logit_bias = {{1, kNaN}}; });
  refused("logit_bias", "at most 1024", [](auto& p) { p.logit_bias.assign(1025, {1, 0.0F}); });
}

TEST(Sampler, MaskAllowsOnlyItsTokens) {
  const std::vector<std::uint64_t> mask = {0b10100, 0, 1};  // tokens 2, 4 and 128
  std::mt19937 random(5);
  for (const float temperature : {0.0F, 1.0F, 2.0F}) {
    SamplingParams params;
    params.temperature = temperature;
    params.logit_bias = {{0, 100.0F}, {2, -100.0F}};
    Sampler sampler(params, 0, {});
    for (int i = 0; i < 200; ++i) {
      std::vector<float> logits(130);
      for (float& logit : logits) logit = static_cast<float>(random() % 1000) / 100.0F;
      EXPECT_TRUE(grammar::is_allowed(mask, sampler.sample(logits, {}, mask).id));
    }
  }
  std::vector<float> hopeless(130, -std::numeric_limits<float>::infinity());
  EXPECT_EQ(Sampler({}, 0, {}).sample(hopeless, std::vector<formats::TokenId>{2}, mask).id, 4);
}

TEST(Sampler, LogProbabilitiesAreWithoutTheMask) {
  SamplingParams params;
  params.top_logprobs = 1;
  std::vector<float> logits = {4.0F, 1.0F, 0.0F};
  const std::vector<std::uint64_t> mask = {0b010};
  const SampledToken token = Sampler(params, 0, {}).sample(logits, {}, mask);
  EXPECT_EQ(token.id, 1);
  EXPECT_NEAR(token.logprob->logprob, 1.0F - std::log(std::exp(4.0F) + std::exp(1.0F) + 1.0F), 1e-4);
  EXPECT_EQ(token.top.front().id, 0);
}

}  // namespace
}  // namespace marquee::text
