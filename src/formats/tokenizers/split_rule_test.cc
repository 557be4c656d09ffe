#include "formats/tokenizers/split_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizers/pre_tokenizer.h"

namespace marquee::formats {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> pieces_of(const PreTokenizer& pre_tokenizer, std::string_view text) {
  struct Collector : PreTokenizer::Sink {
    std::vector<std::string> pieces;
    void piece(std::string_view text) override { pieces.emplace_back(text); }
  } collector;
  pre_tokenizer.run({text, true}, collector);
  return collector.pieces;
}

std::vector<std::string> cut(const SplitRule& rule, std::string_view text) {
  return pieces_of(PreTokenizer({RuleSplit{rule, SplitBehavior::kIsolated, false}}), text);
}

TEST(SplitRuleTest, Gpt2) {
  EXPECT_THAT(cut(SplitRule::gpt2(), "Hello  wörld's 123!? DON'T"),
              ElementsAre("Hello", " ", " wörld", "'s", " 123", "!?", " DON", "'", "T"));
  EXPECT_THAT(cut(SplitRule::gpt2(), "a \n b \n"), ElementsAre("a", " \n", " b", " \n"));
}

TEST(SplitRuleTest, Llama3TakesThreeDigitsAndContractionsInAnyCase) {
  EXPECT_THAT(cut(SplitRule::llama3(), "I'LL 12345 (ok)\r\n\n x"),
              ElementsAre("I", "'LL", " ", "123", "45", " (", "ok", ")\r\n\n", " x"));
  EXPECT_THAT(cut(SplitRule::llama3(), "a  \n  b"), ElementsAre("a", "  \n", " ", " b"));
  EXPECT_THAT(cut(SplitRule::llama3(), "'\u017f"), ElementsAre("'\u017f"));  // the long s folds to s
}

TEST(SplitRuleTest, Qwen2TakesDigitsOneByOne) {
  EXPECT_THAT(cut(SplitRule::qwen2(), "x12 34"), ElementsAre("x", "1", "2", " ", "3", "4"));
}

TEST(SplitRuleTest, Qwen35KeepsMarksInWords) {
  EXPECT_THAT(cut(SplitRule::qwen2(), "e\u0301a"), ElementsAre("e", "\u0301a"));
  EXPECT_THAT(cut(SplitRule::qwen35(), "e\u0301a"), ElementsAre("e\u0301a"));
}

TEST(SplitRuleTest, Gpt4oBreaksBetweenCases) {
  EXPECT_THAT(cut(SplitRule::gpt4o(), "camelCaseXMLHttp it's/a//\n"),
              ElementsAre("camel", "Case", "XMLHttp", " it's", "/a", "//\n"));
  EXPECT_THAT(cut(SplitRule::tekken(), "1234 it's"), ElementsAre("1", "2", "3", "4", " it", "'s"));
}

TEST(SplitRuleTest, DeepSeek3) {
  const auto isolated = [](const SplitRule& rule) { return RuleSplit{rule, SplitBehavior::kIsolated, false}; };
  const PreTokenizer pre_tokenizer(
      {isolated(SplitRule::number(3)), isolated(SplitRule::cjk_run()), isolated(SplitRule::deepseek3())});
  EXPECT_THAT(pieces_of(pre_tokenizer, "1234漢字かな #tag ok"),
              ElementsAre("123", "4", "漢字かな", " #", "tag", " ok"));
}

TEST(SplitRuleTest, InvalidBytesAreSigns) {
  EXPECT_THAT(cut(SplitRule::gpt2(), "a\xff\xc3 b"), ElementsAre("a", "\xff\xc3", " b"));
}

TEST(SplitRuleTest, KnowsRegularExpressionsByTheirText) {
  const auto rule =
      SplitRule::from_regex(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
  ASSERT_TRUE(rule);
  EXPECT_THAT(cut(*rule, "it's 12"), ElementsAre("it", "'s", " 12"));
  EXPECT_FALSE(SplitRule::from_regex(R"(\w+)"));
}

TEST(PreTokenizerTest, DelimitersGoWhereTheBehaviourSays) {
  const auto literal = [](SplitBehavior behavior, bool invert = false) {
    return PreTokenizer({LiteralSplit{"-", behavior, invert}});
  };
  const std::string text = "-a--b";
  EXPECT_THAT(pieces_of(literal(SplitBehavior::kIsolated), text), ElementsAre("-", "a", "-", "-", "b"));
  EXPECT_THAT(pieces_of(literal(SplitBehavior::kRemoved), text), ElementsAre("a", "b"));
  EXPECT_THAT(pieces_of(literal(SplitBehavior::kContiguous), text), ElementsAre("-", "a", "--", "b"));
  EXPECT_THAT(pieces_of(literal(SplitBehavior::kMergedWithPrevious), text), ElementsAre("-", "a-", "-", "b"));
  EXPECT_THAT(pieces_of(literal(SplitBehavior::kMergedWithNext), text), ElementsAre("-a", "-", "-b"));
  EXPECT_THAT(pieces_of(literal(SplitBehavior::kRemoved, true), text), ElementsAre("-", "-", "-"));
}

TEST(PreTokenizerTest, KindsOfCharacters) {
  const auto kind = [](CharSplit::Kind kind, SplitBehavior behavior) {
    return PreTokenizer({CharSplit{kind, behavior}});
  };
  EXPECT_THAT(pieces_of(kind(CharSplit::Kind::kWhiteSpace, SplitBehavior::kRemoved), "a \u3000b"),
              ElementsAre("a", "b"));
  EXPECT_THAT(pieces_of(kind(CharSplit::Kind::kPunctuation, SplitBehavior::kIsolated), "a+«b€"),
              ElementsAre("a", "+", "«", "b€"));
  EXPECT_THAT(pieces_of(kind(CharSplit::Kind::kNumber, SplitBehavior::kContiguous), "a12²b"),
              ElementsAre("a", "12²", "b"));
  EXPECT_THAT(pieces_of(PreTokenizer({WordSplit{}}), "it's a_1, ok!"),
              ElementsAre("it", "'", "s", "a_1", ",", "ok", "!"));
}

TEST(PreTokenizerTest, Metaspace) {
  const auto metaspace = [](Metaspace::Prepend prepend, bool split) {
    return PreTokenizer({Metaspace{"_", prepend, split}});
  };
  EXPECT_THAT(pieces_of(metaspace(Metaspace::Prepend::kAlways, true), "a  b"), ElementsAre("_a", "_", "_b"));
  EXPECT_THAT(pieces_of(metaspace(Metaspace::Prepend::kAlways, false), " a b"), ElementsAre("_a_b"));
  EXPECT_THAT(pieces_of(metaspace(Metaspace::Prepend::kNever, true), "a b"), ElementsAre("a", "_b"));
}

}  // namespace
}  // namespace marquee::formats
