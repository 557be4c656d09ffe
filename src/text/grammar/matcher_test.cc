#include "text/grammar/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "text/grammar/grammar_fixture_test.h"

namespace marquee::text::grammar {
namespace {

using formats::TokenId;
using testing::ElementsAre;
using testing::IsEmpty;

/// A vocabulary and a grammar over it.
class Tokens {
 public:
  explicit Tokens(std::vector<std::string> tokens, bool strips_space = false)
      : tokenizer_(std::move(tokens), strips_space),
        vocabulary_(std::make_shared<const TokenVocabulary>(tokenizer_, tokenizer_.vocab_size() + 3)) {}

  Matcher matcher(const base::Result<std::shared_ptr<const Automaton>>& compiled, MatcherOptions options = {}) {
    return Matcher(std::make_shared<const TokenGrammar>(compiled.value(), vocabulary_), options);
  }
  /// The allowed tokens' bytes.
  std::vector<std::string> allowed(Matcher& matcher) {
    std::vector<std::string> texts;
    const auto mask = matcher.mask();
    if (!mask) return {mask.error().message};
    for (TokenId id = 0; id < tokenizer_.vocab_size(); ++id) {
      if (is_allowed(*mask, id)) texts.emplace_back(tokenizer_.token_bytes(id));
    }
    return texts;
  }
  TokenId id(std::string_view bytes) {
    for (TokenId id = 0; id < tokenizer_.vocab_size(); ++id) {
      if (tokenizer_.token_bytes(id) == bytes) return id;
    }
    return -1;
  }
  [[nodiscard]] const FewTokens& tokenizer() const { return tokenizer_; }

 private:
  FewTokens tokenizer_;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
};

TEST(Matcher, AllowsTokensAcrossRules) {
  Tokens tokens({"{", "}", "{\"", "a", "ab", "\"", "\":", "\": 1", "1", "12", "1}", "x"});
  Matcher matcher = tokens.matcher(
      compile_schema(R"({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})"));
  EXPECT_THAT(tokens.allowed(matcher), ElementsAre("{", "{\""));
  ASSERT_TRUE(matcher.accept(tokens.id("{\"")));
  EXPECT_THAT(tokens.allowed(matcher), ElementsAre("a"));
  EXPECT_FALSE(matcher.accept(tokens.id("ab")));
  ASSERT_TRUE(matcher.accept(tokens.id("a")));
  EXPECT_THAT(tokens.allowed(matcher), ElementsAre("\"", "\":", "\": 1"));
  ASSERT_TRUE(matcher.accept(tokens.id("\": 1")));
  EXPECT_THAT(tokens.allowed(matcher), ElementsAre("}", "1", "12", "1}"));
  EXPECT_FALSE(matcher.can_end());
  EXPECT_FALSE(matcher.accept(0));
  ASSERT_TRUE(matcher.accept(tokens.id("1}")));
  EXPECT_TRUE(matcher.must_end());
  EXPECT_THAT(tokens.allowed(matcher), ElementsAre("<end>"));
  ASSERT_TRUE(matcher.accept(0));
  EXPECT_FALSE(matcher.accept(0));
  EXPECT_FALSE(matcher.mask());
}

TEST(Matcher, EndTokensSpecialTokensAndTheFirstToken) {
  Tokens tokens({" a", "a", "b", "<special>", ""}, true);
  const auto compiled = compile_gbnf("root ::= \"a\" \"b\"*");
  Matcher matcher = tokens.matcher(compiled);
  EXPECT_THAT(tokens.allowed(matcher), ElementsAre(" a", "a"));  // as the first of a text, " a" reads "a"
  ASSERT_TRUE(matcher.accept(tokens.id(" a")));
  EXPECT_THAT(tokens.allowed(matcher), ElementsAre("<end>", "b"));
  EXPECT_FALSE(matcher.accept(1));
  EXPECT_FALSE(matcher.accept(-1));
  EXPECT_FALSE(matcher.accept(100));
  Matcher after_text = tokens.matcher(compiled, {.after_text = true, .end_tokens = false});
  EXPECT_THAT(tokens.allowed(after_text), ElementsAre("a"));
  ASSERT_TRUE(after_text.accept(tokens.id("a")));
  EXPECT_THAT(tokens.allowed(after_text), ElementsAre("b"));
  EXPECT_TRUE(after_text.can_end());
}

TEST(Matcher, SaysWhenNothingFits) {
  Tokens tokens({"a"});
  Matcher matcher = tokens.matcher(compile_gbnf("root ::= \"a\" \"b\""));
  ASSERT_TRUE(matcher.accept(tokens.id("a")));
  EXPECT_THAT(tokens.allowed(matcher), ElementsAre(testing::HasSubstr("no token of this model's vocabulary")));
  Tokens letters({"a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
  Matcher ambiguous = letters.matcher(compile_gbnf(kManyWays));
  EXPECT_THAT(letters.allowed(ambiguous), ElementsAre(testing::HasSubstr("too many ways")));
}

// Every mask against the definition: a token is allowed if the bytes so far and its own can be read. Texts are drawn at
// random along the masks, over grammars with recursion, counts, long tokens and tokens that end many rules.
void compare_masks(const base::Result<std::shared_ptr<const Automaton>>& compiled, unsigned seed) {
  ASSERT_TRUE(compiled) << compiled.error().message;
  std::mt19937 random(seed);
  const std::string letters = "{}[]\",: \n0123456789.-aebtrufnls\\xé";
  std::vector<std::string> words = {"true",
                                    "false",
                                    "null",
                                    "\": ",
                                    "\": \"",
                                    "\", \"",
                                    "}}",
                                    "]]",
                                    "}, {\"",
                                    "\"}]}",
                                    std::string(30, 'a'),
                                    std::string(26, ' '),
                                    "aaaa\", \"b",
                                    "\xC3",
                                    "\xA9",
                                    "😀"};
  for (const char c : letters) words.emplace_back(1, c);
  for (int i = 0; i < 400; ++i) {
    std::string word;
    for (unsigned length = 2 + random() % 4; word.size() < length;) word += letters[random() % letters.size()];
    words.push_back(word);
  }
  Tokens tokens(words);
  for (int text = 0; text < 12; ++text) {
    Matcher matcher = tokens.matcher(compiled);
    std::string so_far;
    for (int step = 0; step < 40 && !matcher.must_end(); ++step) {
      const auto mask = matcher.mask();
      ASSERT_TRUE(mask) << mask.error().message << " after " << so_far;
      std::vector<TokenId> allowed;
      for (TokenId id = 2; id < tokens.tokenizer().vocab_size(); ++id) {
        Recognizer recognizer(**compiled);
        const bool expected = recognizer.read(so_far + std::string(tokens.tokenizer().token_bytes(id)));
        ASSERT_EQ(is_allowed(*mask, id), expected) << so_far << " | " << tokens.tokenizer().token_bytes(id);
        if (expected) allowed.push_back(id);
      }
      Recognizer recognizer(**compiled);
      recognizer.read(so_far);
      ASSERT_EQ(is_allowed(*mask, 0), recognizer.can_end()) << so_far;
      if (allowed.empty()) break;
      const TokenId next = allowed[random() % allowed.size()];
      ASSERT_TRUE(matcher.accept(next));
      so_far += tokens.tokenizer().token_bytes(next);
    }
  }
}

TEST(Matcher, MasksAreExactlyWhatCanBeRead) {
  compare_masks(compile({Source::Kind::kJsonObject, {}}), 1);
  compare_masks(compile_schema(R"({"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 40}})"),
                2);
  compare_masks(compile_schema(R"({"type": "object", "properties": {"a": {"type": "number"}, "bb": {"type": "array",
      "items": {"$ref": "#"}}, "n": {"enum": ["aaa", "ab", true, null]}}, "additionalProperties": {"type":
      "boolean"}})"),
                3);
  compare_masks(compile_gbnf("root ::= item+\nitem ::= word \" \" | \"[\" root \"]\" | [0-9]{3,50} \",\"\n"
                             "word ::= char char*\nchar ::= [a-z] | \"\\\\\" [x0]"),
                4);
  compare_masks(compile_gbnf("root ::= .*"), 5);
  const auto tool = base::parse_json(R"([{"name": "a", "parameters": {"type": "object"}}])", "tools");
  compare_masks(compile(tool_call_source({tool->get_array(), true, false})), 6);
}

TEST(Matcher, LongTextsDoNotGrowIt) {
  Tokens tokens({"[", "]", "[]", ","});
  Matcher matcher = tokens.matcher(compile_schema(R"({"type": "array", "items": {"$ref": "#"}})"));
  std::mt19937 random(3);
  int depth = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto mask = matcher.mask();
    ASSERT_TRUE(mask) << mask.error().message;
    std::vector<TokenId> allowed;
    for (const TokenId id : {tokens.id("["), tokens.id("]"), tokens.id("[]"), tokens.id(",")}) {
      const bool closes_all = id == tokens.id("]") && depth <= 1;
      if (is_allowed(*mask, id) && !closes_all && !(i == 0 && id == tokens.id("[]"))) allowed.push_back(id);
    }
    ASSERT_FALSE(allowed.empty());
    const TokenId next = allowed[random() % allowed.size()];
    depth += next == tokens.id("[") ? 1 : next == tokens.id("]") ? -1 : 0;
    ASSERT_LE(depth, static_cast<int>(kMaxStackDepth));
    ASSERT_TRUE(matcher.accept(next));
  }
}

}  // namespace
}  // namespace marquee::text::grammar
