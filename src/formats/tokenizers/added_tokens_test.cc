#include "formats/tokenizers/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace marquee::formats {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using Sections = std::vector<std::pair<std::string, TokenId>>;

Sections split(const AddedTokens& tokens, std::string_view text, bool parse_special = true) {
  std::vector<TextSection> sections;
  tokens.split(text, parse_special, sections);
  Sections found;
  for (const auto& section : sections) found.emplace_back(std::string(section.text), section.id);
  return found;
}

AddedToken special(TokenId id, std::string content) {
  AddedToken token;
  token.id = id;
  token.content = std::move(content);
  token.special = true;
  return token;
}

TEST(AddedTokensTest, TakesTheLeftmostAndOfThoseTheLongest) {
  const AddedTokens tokens({special(1, "<s>"), special(2, "<s><"), special(3, "s><")});
  EXPECT_THAT(split(tokens, "a<s><s>"), ElementsAre(Pair("a", -1), Pair("<s><", 2), Pair("s>", -1)));
  EXPECT_THAT(split(tokens, "<s>"), ElementsAre(Pair("<s>", 1)));
  EXPECT_THAT(split(tokens, ""), IsEmpty());
}

TEST(AddedTokensTest, SpecialTokensAreTextUnlessAskedFor) {
  AddedToken plain = special(5, "<tool>");
  plain.special = false;
  const AddedTokens tokens({special(1, "<s>"), plain});
  EXPECT_THAT(split(tokens, "<s><tool>x", false), ElementsAre(Pair("<s>", -1), Pair("<tool>", 5), Pair("x", -1)));
}

TEST(AddedTokensTest, WholeWordsOnly) {
  AddedToken word = special(1, "ab");
  word.single_word = true;
  const AddedTokens tokens({word});
  EXPECT_THAT(split(tokens, "ab abc ab_ éab ab!"),
              ElementsAre(Pair("ab", 1), Pair(" abc ab_ éab ", -1), Pair("ab", 1), Pair("!", -1)));
}

TEST(AddedTokensTest, TakesWhitespaceAlong) {
  AddedToken both = special(1, "<m>");
  both.left_strip = true;
  both.right_strip = true;
  const AddedTokens tokens({both});
  EXPECT_THAT(split(tokens, "a \n<m>\u3000 <m> b"),
              ElementsAre(Pair("a", -1), Pair(" \n<m>\u3000 ", 1), Pair("<m> ", 1), Pair("b", -1)));
}

}  // namespace
}  // namespace marquee::formats
