#include "apps/bench_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/bench_target.h"

namespace marquee::apps {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(BenchPlan, ListsOfNumbersAreParsedWithinTheirRange) {
  EXPECT_THAT(parse_numbers("--streams", "1,4,16", 1, 256).value(), ElementsAre(1, 4, 16));
  for (const char* wrong : {"", "0", "257", "1,,4", "1,", "4x", "-1", "1 4", "99999999999"}) {
    const auto numbers = parse_numbers("--streams", wrong, 1, 256);
    ASSERT_FALSE(numbers) << wrong;
    EXPECT_THAT(numbers.error().message, HasSubstr("--streams must be whole numbers in 1..256"));
  }
  std::string many = "1";
  for (int i = 0; i < 64; ++i) many += ",1";
  EXPECT_THAT(parse_numbers("--streams", many, 1, 256).error().message, HasSubstr("at most 64"));
}

TEST(BenchPlan, SweepsAreNamedAndEachIsRunOnce) {
  EXPECT_THAT(parse_sweeps("streams,context,streams").value(), ElementsAre(Sweep::kStreams, Sweep::kContext));
  EXPECT_THAT(parse_sweeps("batch").error().message, HasSubstr("'context', 'streams' or 'threads'"));
}

TEST(BenchPlan, OneAxisIsVariedAtATime) {
  BenchPlan plan;
  plan.contexts = {16, 64};
  const auto cases = make_cases(plan, {.server = false, .threads = 6, .cpus = 6, .context = 256}).value();
  ASSERT_EQ(cases.size(), 2U + 3U + 4U);
  EXPECT_EQ(cases[1].prompt_tokens, 64);
  EXPECT_EQ(cases[1].streams, 1);
  EXPECT_EQ(cases[4].streams, 16);
  EXPECT_EQ(cases[4].prompt_tokens, plan.prompt_tokens);
  EXPECT_EQ(cases[4].threads, 6U);
  EXPECT_THAT(plan.thread_counts, ElementsAre(1, 2, 4, 6));
}

TEST(BenchPlan, WhatDoesNotFitTheModelIsLeftOutOfTheDefaultsAndRefusedWhenAskedFor) {
  const BenchGround small{.server = false, .threads = 1, .cpus = 1, .context = 1024};
  BenchPlan plan;
  ASSERT_TRUE(make_cases(plan, small));
  EXPECT_THAT(plan.contexts, ElementsAre(16, 512)) << "1024 of them leave no place for an answer";
  BenchPlan asked;
  asked.contexts = {1024};
  EXPECT_THAT(make_cases(asked, small).error().message, HasSubstr("the model's context of 1024"));
}

TEST(BenchPlan, AServersThreadsAreItsOwn) {
  BenchPlan plan;
  const auto cases = make_cases(plan, {.server = true}).value();
  EXPECT_EQ(cases.size(), 6U);
  for (const BenchCase& one : cases) {
    EXPECT_NE(one.sweep, Sweep::kThreads);
    EXPECT_EQ(one.threads, 0U);
  }
  BenchPlan asked;
  asked.sweeps = {Sweep::kThreads};
  EXPECT_THAT(make_cases(asked, {.server = true}).error().message, HasSubstr("--sweep threads"));
}

TEST(BenchPrompt, IsTheSameForASeedAndSharesNoBeginningWithOthers) {
  const auto prompt = bench_prompt(7, 1, 0, 100, 49152);
  EXPECT_EQ(prompt.size(), 100U);
  EXPECT_EQ(prompt, bench_prompt(7, 1, 0, 100, 0));
  EXPECT_NE(prompt.front(), bench_prompt(8, 1, 0, 100, 0).front());
  EXPECT_NE(prompt.front(), bench_prompt(7, 2, 0, 100, 0).front());
  EXPECT_NE(prompt.front(), bench_prompt(7, 1, 1, 100, 0).front());
  for (const auto id : bench_prompt(7, 1, 0, 1000, 64)) EXPECT_TRUE(id >= 32 && id < 64) << id;
}

}  // namespace
}  // namespace marquee::apps
