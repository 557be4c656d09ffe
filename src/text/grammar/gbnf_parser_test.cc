#include "text/grammar/gbnf_parser.h"

#include <gtest/gtest.h>

#include <string>

#include "text/grammar/grammar_fixture_test.h"

namespace marquee::text::grammar {
namespace {

TEST(Gbnf, ReadsTheWholeNotation) {
  expect_texts(compile_gbnf("# a comment\nroot ::= greeting \", \" name+ (\"!\" | \"?\"){1,2} # so\n"
                            "greeting ::= \"Hi\" |\n  \"Hello\"\nname ::= [A-Z] [a-z\\-]* \" \"?\n"),
               {"Hi, Bob!", "Hello, Ann-marie Bo?!"}, {"Hi, bob!", "Hi, Bob", "Hey, Bob!", "Hi, Bob!!!"});
  expect_texts(compile_gbnf("root ::= [^\"\\\\\\x00-\\x1F]{2}"), {"ab", "äß", "漢字", "😀x"},
               {"a", "a\"", "a\n", "abc"});
  expect_texts(compile_gbnf("root ::= . \"\\u00e4\\U0001F600\\n\""), {"xä😀\n", "€ä😀\n"}, {"ä😀\n"});
  expect_texts(compile_gbnf("root ::= \"a\"{0} \"b\"{2,} \"\" "), {"bb", "bbbbb"}, {"b", "abb"});
  expect_texts(compile_gbnf("root ::= (\n  \"a\"\n  | \"b\" # x\n)*\n"), {"", "abba"}, {"c"});
  expect_texts(compile_gbnf("root ::= \"a\"\n     | \"b\"\nother ::= \"c\""), {"a", "b"}, {"c"});
}

TEST(Gbnf, RecursionAndEmptyRules) {
  expect_texts(compile_gbnf("root ::= \"(\" root \")\" root | \"\""), {"", "()", "(())()"}, {"(", ")", "(()"});
  expect_texts(compile_gbnf("root ::= ws item ws\nitem ::= \"x\" ws | \"y\"\nws ::= [ ]*"), {"x", "  y ", "x   "},
               {" "});
  // Lists by right recursion do not grow the stack, so they may be longer than stacks are deep.
  const std::string longer = std::string(5000, 'a') + "b";
  expect_texts(compile_gbnf("root ::= \"a\" root | \"b\""), {longer}, {"a"});
  expect_texts(compile_gbnf("root ::= x*\nx ::= \"a\"?"), {"", "aaa"}, {"b"});
}

TEST(Gbnf, SaysWhereItIsWrong) {
  expect_error(compile_gbnf("root ::= \"a"), "line 1, column 12: expected '\"'");
  expect_error(compile_gbnf("root ::= a"), "the rule 'a' is used but not defined");
  expect_error(compile_gbnf("a ::= \"x\""), "no rule 'root'");
  expect_error(compile_gbnf("root ::= \"a\"\nroot ::= \"b\""), "line 2, column 1: the rule 'root' is defined twice");
  expect_error(compile_gbnf("root ::= (\"a\""), "expected ')'");
  expect_error(compile_gbnf("root ::= \"a\" )"), "expected the end of the line");
  expect_error(compile_gbnf("root ::= [a"), "expected ']'");
  expect_error(compile_gbnf("root ::= [z-a]"), "the range's end lies before its beginning");
  expect_error(compile_gbnf("root ::= \"\\q\""), "unknown escape");
  expect_error(compile_gbnf("root ::= \"\\ud800\""), "not a Unicode character");
  expect_error(compile_gbnf("root ::= \"a\"{3,2}"), "must not be below");
  expect_error(compile_gbnf("root ::= * \"a\""), "expected a literal");
  expect_error(compile_gbnf("root = \"a\""), "expected '::='");
  expect_error(compile_gbnf("root ::= \"\xff\""), "valid UTF-8");
  expect_error(compile_gbnf(""), "no rule 'root'");
}

TEST(Gbnf, HostileGrammarsAreRefused) {
  expect_error(compile_gbnf("root ::= root \"a\" | \"b\""), "left-recursive");
  expect_error(compile_gbnf("root ::= a \"x\"\na ::= b? c\nb ::= \"b\"\nc ::= a | \"c\""), "left-recursive");
  expect_error(compile_gbnf("root ::= e root \"a\" | \"b\"\ne ::= \"\""), "left-recursive");
  expect_error(compile_gbnf("root ::= \"a\" root"), "no text matches it");
  expect_error(compile_gbnf("root ::= []"), "no text matches it");
  expect_error(compile_gbnf("root ::= ((((\"a\"{99}){99}){99}){99}){99}"), "to compile");
  expect_error(compile_gbnf("root ::= [a]{65536}{65536}"), "to compile");
  expect_error(compile_gbnf("root ::= \"a\"{99999}"), "at most 65536");
  expect_error(compile_gbnf("root ::= " + std::string(5000, '(')), "nest at most 64");
  expect_error(compile_gbnf("root ::= [ab]* \"a\" [ab]{22}"), "to compile");  // needs 2^22 states
  expect_error(compile_gbnf("root ::= \"" + std::string(kMaxGbnfBytes, 'a') + "\""), "bytes; at most");
  std::string many = "root ::= r0\n";
  for (int i = 0; i < 5000; ++i) many += "r" + std::to_string(i) + " ::= \"a\" r" + std::to_string(i + 1) + "\n";
  expect_error(compile_gbnf(many + "r5000 ::= \"b\""), "too large");
  std::string deep = "root ::= \"a\"";
  for (int i = 0; i < 2000; ++i) deep += "?";
  expect_error(compile_gbnf(deep), "too large");
}

TEST(Gbnf, ChainsOfRulesAreNoTrouble) {
  std::string chain = "root ::= r0\n";
  for (int i = 0; i < 3000; ++i) chain += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "\n";
  expect_texts(compile_gbnf(chain + "r3000 ::= \"b\""), {"b"}, {"a"});
}

TEST(Gbnf, DifferentWaysOfReadingAreBounded) {
  const auto compiled = compile_gbnf(kManyWays);
  ASSERT_TRUE(compiled) << compiled.error().message;
  EXPECT_TRUE(accepts(**compiled, "aaabc"));
  Recognizer recognizer(**compiled);
  EXPECT_FALSE(recognizer.read(std::string(40, 'a')));  // 2^40 stacks: given up, not computed
}

}  // namespace
}  // namespace marquee::text::grammar
