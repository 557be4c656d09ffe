#include "train/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "train/curve_log.h"
#include "train/small_classifier_test.h"

namespace marquee::train {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScratchFolder;

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ModelCardTest, SaysWhatTheModelIsMadeOf) {
  ModelCard card;
  card.name = "genres";
  card.task = "text_classifier";
  card.network = "bag of words \"tf-idf\"";
  card.licence = "CC-BY-4.0";
  card.data = {{"training", "a.csv", std::string(64, 'a'), 100}};
  card.settings.seed = 18'446'744'073'709'551'615U;
  card.settings.schedule.peak = 0.1F;
  card.settings.privacy = {.delta = 1e-5, .seed = 1};
  card.outcome.steps = 7;
  card.outcome.best_validation = {{"accuracy", 0.75}, {"loss", NAN}};
  card.outcome.epsilon = 2.5;
  const ScratchFolder scratch("card");
  ASSERT_TRUE(write_model_card(scratch.path() / "card.json", card));
  const std::string text = file_text(scratch.path() / "card.json");
  const auto value = base::parse_json(text, "card");
  ASSERT_TRUE(value) << value.error().message << text;
  EXPECT_EQ(*value, base::json::value(to_json(card))) << "indented or not, it says the same";
  EXPECT_EQ(value->at("seed").get_uint64(), 18'446'744'073'709'551'615U);
  EXPECT_EQ(value->at("settings").at("schedule").at("peak").get_double(), 0.1);
  EXPECT_EQ(value->at("training").at("best_validation").at("accuracy").get_double(), 0.75);
  EXPECT_TRUE(value->at("training").at("best_validation").at("loss").is_null());
  EXPECT_EQ(value->at("privacy").at("epsilon").get_double(), 2.5);
  EXPECT_FALSE(value->at("privacy").at("is_secret").get_bool());
  EXPECT_THAT(text, HasSubstr("\"code_version\": \"marquee 0."));
  EXPECT_EQ(to_json(ModelCard()).at("licence"), base::json::value(nullptr));
}

Report report_at(std::int64_t step) {
  Report report;
  report.step = step;
  report.total_steps = 100;
  report.loss = 1.0 / static_cast<double>(step);
  if (step % 2 == 0) report.validation = {{"accuracy <b>", 0.5}};
  return report;
}

TEST(CurveLogTest, GoesOnWhereTheTrainingDoes) {
  const ScratchFolder scratch("curve");
  const auto path = scratch.path() / "curve.jsonl";
  {
    auto log = CurveLog::open(path, 0).value();
    for (const std::int64_t step : {1, 2, 3, 4}) ASSERT_TRUE(log.append(report_at(step)));
  }
  std::ofstream(path, std::ios::app) << "{\"step\":5,\"to";
  ASSERT_EQ(read_curve(path)->size(), 4U) << "a line that was cut is left out";
  {
    auto log = CurveLog::open(path, 2).value();
    ASSERT_TRUE(log.append(report_at(3)));
  }
  const auto reports = read_curve(path).value();
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[2].step, 3);
  EXPECT_EQ(reports[1].loss, 0.5);
  ASSERT_EQ(reports[1].validation.size(), 1U);
  EXPECT_EQ(reports[1].validation[0].value, 0.5);
  EXPECT_FALSE(reports[0].epsilon);
  EXPECT_EQ(CurveLog::open(path, 0).has_value(), true);
  EXPECT_TRUE(read_curve(path)->empty()) << "begun anew";
  std::ofstream(path) << "{\"step\":1}\n";
  EXPECT_THAT(read_curve(path).error().message, HasSubstr("line 1: is no report"));
  std::ofstream(path) << "{\"step\"\n";
  EXPECT_THAT(read_curve(path).error().message, HasSubstr("line 1"));
}

TEST(CurvePageTest, ShowsEachCurve) {
  std::vector<Report> reports;
  for (std::int64_t step = 1; step <= 5000; ++step) reports.push_back(report_at(step));
  reports[7].loss = NAN;
  const std::string page = curve_page("a <title> & more", reports);
  EXPECT_THAT(page, HasSubstr("a &lt;title&gt; &amp; more"));
  EXPECT_THAT(page, HasSubstr("validation accuracy &lt;b&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_LT(page.size(), 100'000U);
  std::size_t curves = 0;
  for (auto at = page.find("<polyline"); at != std::string::npos; at = page.find("<polyline", at + 1)) ++curves;
  EXPECT_EQ(curves, 3U);
  EXPECT_THAT(curve_page("none", {}), HasSubstr("</html>"));
}

}  // namespace
}  // namespace marquee::train
