#include "text/stop_matcher.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "base/utf8.h"

namespace marquee::text {
namespace {

using Strings = std::vector<std::string>;

struct Whole {
  std::string text;
  std::optional<std::size_t> matched;
};

Whole run(const Strings& stops, const Strings& pieces) {
  StopMatcher matcher(stops);
  Whole whole;
  for (const std::string& piece : pieces) {
    const auto output = matcher.push(piece);
    whole.text += output.text;
    if (output.matched) whole.matched = output.matched;
  }
  whole.text += matcher.finish();
  return whole;
}

TEST(StopMatcher, WithoutStopsEverythingIsShownAtOnce) {
  StopMatcher matcher(Strings{});
  EXPECT_EQ(matcher.push("Once upon").text, "Once upon");
  EXPECT_EQ(matcher.finish(), "");
  StopMatcher empty(Strings{"", ""});
  EXPECT_EQ(empty.push("abc").text, "abc");
  EXPECT_FALSE(empty.stopped());
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStop) {
  StopMatcher matcher(Strings{"END"});
  EXPECT_EQ(matcher.push("The E").text, "The ");
  EXPECT_EQ(matcher.push("N").text, "");
  EXPECT_EQ(matcher.push("T!").text, "ENT!");
  EXPECT_EQ(matcher.push("E").text, "");
  const auto output = matcher.push("ND and more");
  EXPECT_EQ(output.text, "");
  EXPECT_EQ(output.matched, 0U);
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.push("more").text, "");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, FinishGivesBackWhatWasHeld) {
  StopMatcher matcher(Strings{"\n\nUser:"});
  EXPECT_EQ(matcher.push("bye\n\nUse").text, "bye");
  EXPECT_EQ(matcher.finish(), "\n\nUse");
  EXPECT_EQ(matcher.finish(), "");
}

TEST(StopMatcher, OverlapsAreFound) {
  EXPECT_EQ(run({"aab"}, {"aaaab"}).text, "aa");
  EXPECT_EQ(run({"abab"}, {"aba", "abab"}).text, "aba");
  EXPECT_EQ(run({"abcabd"}, {"abcabcabd"}).text, "abc");
}

TEST(StopMatcher, TheFirstToBeCompleteCountsAndOfThoseTheLongest) {
  Whole whole = run({"abcd", "bc"}, {"xabcd"});
  EXPECT_EQ(whole.text, "xa");
  EXPECT_EQ(whole.matched, 1U);
  whole = run({"c", "abc"}, {"xabc"});
  EXPECT_EQ(whole.text, "x");
  EXPECT_EQ(whole.matched, 1U);
  whole = run({"he", "she", "hers"}, {"us", "hers"});
  EXPECT_EQ(whole.text, "u");
  EXPECT_EQ(whole.matched, 1U);
}

TEST(StopMatcher, NeverCutsACharacter) {
  StopMatcher matcher(Strings{"終わり"});
  EXPECT_EQ(matcher.push("物語の終").text, "物語の");
  EXPECT_EQ(matcher.push("点").text, "終点");
  EXPECT_EQ(matcher.push("終わり").matched, 0U);
  StopMatcher broken(Strings{"\xAA\xE8"});  // starts inside 語 (E8 AA 9E)
  EXPECT_EQ(broken.push("物語").text, "物語");
  StopMatcher half(Strings{std::string("\x9E") + "x"});
  EXPECT_EQ(half.push("物語").text, "物") << "the character that may be cut waits whole";
  EXPECT_EQ(half.push("!").text, "語!");
}

/// The definition, quadratic: the first end position at which any stop ends; of those the longest.
Whole by_definition(const Strings& stops, const std::string& text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < stops.size(); ++i) {
      const bool ends = !stops[i].empty() && end >= stops[i].size() &&
                        text.compare(end - stops[i].size(), stops[i].size(), stops[i]) == 0;
      if (ends && (!best || stops[i].size() > stops[*best].size())) best = i;
    }
    if (best) return {text.substr(0, end - stops[*best].size()), best};
  }
  return {text, {}};
}

TEST(StopMatcher, EqualsTheDefinitionHoweverTheTextIsCut) {
  std::mt19937 random(1);
  const Strings alphabet = {"a", "b", "é", "🎬"};
  const auto make = [&](std::size_t length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += alphabet[random() % (random() % 4 + 1)];
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    Strings stops;
    for (std::size_t i = random() % 5; i > 0; --i) stops.push_back(make(random() % 6));
    const std::string text = make(random() % 40);
    const Whole expected = by_definition(stops, text);
    StopMatcher matcher(stops);
    Whole got;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = std::min(text.size(), at + 1 + random() % 8);
      end = at + base::complete_utf8_prefix(std::string_view(text).substr(at, end - at));
      if (end == at) end = std::min(text.size(), at + 4);
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
      const auto output = matcher.push(std::string_view(text).substr(at, end - at));
      EXPECT_TRUE(base::is_valid_utf8(output.text));
      got.text += output.text;
      ASSERT_EQ(expected.text.compare(0, got.text.size(), got.text), 0) << "showed part of a stop string";
      if (output.matched) got.matched = output.matched;
      at = end;
    }
    got.text += matcher.finish();
    ASSERT_EQ(got.text, expected.text);
    ASSERT_EQ(got.matched, expected.matched);
  }
}

TEST(StopMatcher, IsLinearOnHostileText) {
  const std::string stop = std::string(20000, 'a') + "b";
  StopMatcher matcher(Strings{stop});
  const auto start = std::chrono::steady_clock::now();
  std::size_t shown = 0;
  for (int i = 0; i < 200; ++i) shown += matcher.push(std::string(5000, 'a')).text.size();
  EXPECT_EQ(shown, 1000000U - 20000U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(StopMatcher, CopiesAreIndependent) {
  StopMatcher first(Strings{"xy"});
  EXPECT_EQ(first.push("ax").text, "a");
  StopMatcher second = first;
  EXPECT_TRUE(first.push("y").matched);
  EXPECT_EQ(second.push("z").text, "xz");
}

}  // namespace
}  // namespace marquee::text
