#include "serving/choice_output.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "formats/model_file.h"
#include "serving/fake_model_test.h"

namespace marquee::serving::testing {
namespace {

class ChoiceOutputTest : public ::testing::Test {
 protected:
  ChoiceOutput output(std::vector<std::string> stops, bool records = true) {
    return {tokenizer_, text::StopMatcher(stops), records};
  }
  text::SampledToken token(std::string_view piece) { return {.id = *tokenizer_.find(piece), .logprob = {}, .top = {}}; }

  FakeTokenizer tokenizer_;
};

TEST_F(ChoiceOutputTest, HoldsRecordsUntilTheirTextIsShown) {
  auto out = output({"STOP"});
  EXPECT_EQ(out.push(token("a")).tokens.size(), 1U);
  const auto held = out.push(token("ST"));
  EXPECT_TRUE(held.empty());
  const auto shown = out.push(token("b"));
  EXPECT_EQ(shown.text, "STb");
  ASSERT_EQ(shown.tokens.size(), 2U);
  EXPECT_EQ(shown.tokens[0].bytes, "ST");
}

TEST_F(ChoiceOutputTest, TokensOfTheStopStringDoNotCount) {
  auto out = output({"d ST"});
  auto piece = out.push(token(" end"));
  EXPECT_EQ(piece.text, " en");
  EXPECT_TRUE(piece.tokens.empty()) << "the token's text is not all shown";
  EXPECT_TRUE(out.push(token(" ")).empty());
  piece = out.push(token("ST"));
  EXPECT_TRUE(piece.stopped);
  EXPECT_EQ(piece.text, "");
  ASSERT_EQ(piece.tokens.size(), 1U);
  EXPECT_EQ(piece.tokens[0].bytes, " end");
}

TEST_F(ChoiceOutputTest, EndReleasesWhatWasHeld) {
  auto out = output({"STOP"});
  EXPECT_TRUE(out.push(token("ST")).empty());
  const auto rest = out.finish();
  EXPECT_EQ(rest.text, "ST");
  EXPECT_EQ(rest.tokens.size(), 1U);
  EXPECT_FALSE(rest.stopped);
}

TEST_F(ChoiceOutputTest, NeverHalfACharacter) {
  auto out = output({});
  EXPECT_EQ(out.push(token("\xC3")).text, "");
  EXPECT_EQ(out.push(token("\xA9")).text, "\xC3\xA9");
  EXPECT_EQ(out.push(token("\xC3")).text, "");
  EXPECT_EQ(out.finish().text, "\xEF\xBF\xBD");
}

TEST_F(ChoiceOutputTest, WithoutLogProbabilitiesNothingIsKept) {
  auto out = output({}, false);
  const auto piece = out.push(token("a"));
  EXPECT_EQ(piece.text, "a");
  EXPECT_TRUE(piece.tokens.empty());
}

TEST(ChoiceOutputSpaceTest, AfterTextTheFirstWordKeepsItsSpace) {
  const auto tokenizer = formats::tokenizer_from_json(
      R"({"decoder":{"type":"Metaspace"},"model":{"type":"BPE","vocab":{"▁a":0},"merges":[]}})", "");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const text::StopMatcher matcher({});
  const text::SampledToken token = {.id = 0, .logprob = {}, .top = {}};
  EXPECT_EQ(ChoiceOutput(**tokenizer, matcher, false, true).push(token).text, " a");
  EXPECT_EQ(ChoiceOutput(**tokenizer, matcher, false, false).push(token).text, "a");
}

}  // namespace
}  // namespace marquee::serving::testing
