#include "apps/word_wrap.h"

#include <gtest/gtest.h>

namespace marquee::apps {
namespace {

std::string wrapped(std::string_view text, std::size_t columns, std::size_t piece = 1'000) {
  WordWrap wrap(columns);
  std::string shown;
  for (std::size_t i = 0; i < text.size(); i += piece) shown += wrap.add(text.substr(i, piece));
  return shown + wrap.finish();
}

TEST(WordWrap, BreaksBetweenWords) {
  EXPECT_EQ(wrapped("the whale sang to the lighthouse", 10), "the whale\nsang to\nthe\nlighthouse");
  EXPECT_EQ(wrapped("abcde fghij", 11), "abcde fghij") << "a line may be filled";
  EXPECT_EQ(wrapped("abcde fghij", 10), "abcde\nfghij");
}

TEST(WordWrap, DoesNotDependOnThePieces) {
  const std::string text = "  It was night.\n\n    She said: \"Look,\"  and a-very-long-word-indeed-came by.\n";
  const std::string whole = wrapped(text, 12);
  for (std::size_t piece : {1U, 2U, 3U, 7U}) EXPECT_EQ(wrapped(text, 12, piece), whole) << piece;
}

TEST(WordWrap, LeavesOutWhiteSpaceAtBothEndsAndKeepsParagraphs) {
  EXPECT_EQ(wrapped("\n\n Hello \n\n", 80), "Hello");
  EXPECT_EQ(wrapped("a\n\n  b\n", 80), "a\n\n  b");
  EXPECT_EQ(wrapped(" \n\t", 80), "");
  WordWrap wrap(80);
  EXPECT_EQ(wrap.add(" \n"), "");
  EXPECT_FALSE(wrap.begun());
}

TEST(WordWrap, BreaksAWordLongerThanTheLine) {
  EXPECT_EQ(wrapped("abcdefghijklmnop", 5), "abcde\nfghij\nklmno\np");
  EXPECT_EQ(wrapped("ab cdefghi", 5), "ab\ncdefg\nhi");
}

TEST(WordWrap, CountsWhatIsSeen) {
  EXPECT_EQ(wrapped("größe größe", 11), "größe größe");
  EXPECT_EQ(wrapped("日本 日本", 8), "日本\n日本") << "each of them takes two columns";
  EXPECT_EQ(wrapped("日本日本日", 6), "日本日\n本日");
}

TEST(WordWrap, ShowsNothingThatCommandsATerminal) { EXPECT_EQ(wrapped("a\x1b[2J\rb", 80), "a[2Jb"); }

TEST(WordWrap, WithoutColumnsBreaksNothing) {
  const std::string text(500, 'x');
  EXPECT_EQ(wrapped(text + " " + text, 0), text + " " + text);
}

}  // namespace
}  // namespace marquee::apps
