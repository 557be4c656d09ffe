#include "apps/bench_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marquee::apps {
namespace {

using testing::HasSubstr;
using testing::Not;

BenchReport small_report() {
  BenchReport report;
  report.model = "tiny";
  report.model_bytes = 100'000'000;
  report.load_s = 0.125;
  report.plan.sweeps = {Sweep::kContext, Sweep::kStreams};
  report.machine = BenchMachine{"A CPU", 2, "avx2", 16'000'000'000, {20, 25, 30}, {100, 200, 300}};
  CaseFigures context;
  context.bench_case = {Sweep::kContext, 2, 1, 512, 64};
  context.prefill_tokens_per_s = Spread{1500, 1609.4, 1853};
  context.decode_tokens_per_s = Spread{190, 200, 210};
  context.first_token_ms = Percentiles{3, 300, 318, 340, 340, 340, 340};
  context.token_ms = Percentiles{189, 4, 5.014, 6, 7, 8, 9};
  context.completion_tokens = context.expected_tokens = 192;
  report.cases = {context};
  return report;
}

TEST(BenchReport, FiguresHaveThreeDigitsThatCount) {
  EXPECT_EQ(figure_text(1609.4), "1,609");
  EXPECT_EQ(figure_text(1234567.8), "1,234,568");
  EXPECT_EQ(figure_text(99.94), "99.9");
  EXPECT_EQ(figure_text(99.96), "100");
  EXPECT_EQ(figure_text(3.514), "3.51");
  EXPECT_EQ(figure_text(9.999), "10.0");
  EXPECT_EQ(figure_text(0), "0");
  EXPECT_EQ(figure_text(-1234), "-1,234");
}

TEST(BenchReport, ShowsTheSpreadAndTheShareOfTheMachine) {
  const std::string text = report_text(small_report());
  EXPECT_THAT(text, HasSubstr("1,609 (1,500-1,853)"));
  EXPECT_THAT(text, HasSubstr("5.01 / 6 / 7 / 8"));
  EXPECT_THAT(text, HasSubstr("20 GB/s of weights, 80 % of the memory read speed"));
  EXPECT_THAT(text, Not(HasSubstr("ended early")));
}

TEST(BenchReport, AnswersThatEndedEarlyAreNamed) {
  BenchReport report = small_report();
  report.cases[0].completion_tokens = 100;
  EXPECT_THAT(report_text(report), HasSubstr("100 of 192 tokens came"));
}

TEST(BenchReport, AServerHasNoMachineAndItsNameIsMadeHarmless) {
  BenchReport report = small_report();
  report.machine.reset();
  report.model_bytes = 0;
  report.server = "http://127.0.0.1:1";
  report.model = "evil\x1b[2J";
  const std::string text = report_text(report);
  EXPECT_THAT(text, Not(HasSubstr("Machine")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[2J")));
  const auto object = report_json(report);
  EXPECT_FALSE(object.contains("machine"));
  EXPECT_EQ(object.at("server").as_string(), "http://127.0.0.1:1");
}

TEST(BenchReport, JsonSaysNullForWhatCannotBeSaid) {
  const auto object = report_json(small_report());
  const auto& one = object.at("cases").as_array().at(0).as_object();
  EXPECT_EQ(one.at("sweep").as_string(), "context");
  EXPECT_EQ(one.at("decode_tokens_per_s").at("median").as_double(), 200);
  EXPECT_TRUE(one.at("output_tokens_per_s").is_null());
  EXPECT_EQ(one.at("token_ms").at("p99").as_double(), 8);
}

}  // namespace
}  // namespace marquee::apps
