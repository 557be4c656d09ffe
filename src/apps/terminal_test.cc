#include "apps/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "apps/exit_code.h"
#include "apps/pseudo_terminal_test.h"

namespace marquee::apps {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Paint, ColoursOnlyOnATerminalThatWantsThem) {
  const PseudoTerminal terminal;
  std::FILE* screen = terminal.stream();
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_EQ(Paint(screen).red("x"), "\x1b[31mx\x1b[0m");
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(Paint(screen).red("x"), "x");
  ::setenv("NO_COLOR", "", 1);
  EXPECT_NE(Paint(screen).red("x"), "x") << "an empty NO_COLOR says nothing";
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "dumb", 1);
  EXPECT_EQ(Paint(screen).red("x"), "x");
  ::unsetenv("TERM");
  EXPECT_EQ(Paint(screen).red("x"), "x");
  ::setenv("TERM", "xterm", 1);
  std::FILE* file = std::tmpfile();
  EXPECT_EQ(Paint(file).red("x"), "x");
  std::fclose(file);
}

TEST(WithoutControls, KeepsTextAndDropsWhatCommandsATerminal) {
  EXPECT_EQ(without_controls("a\x1b[2Jb\nc\td"), "a[2Jb\nc\td");
  EXPECT_EQ(without_controls("\x1b]0;title\x07x\rz\x7f\b"), "]0;titlexz");
  EXPECT_EQ(without_controls("\xC2\x9B"
                             "31m"),
            "31m")
      << "U+009B begins a command, too";
  EXPECT_EQ(without_controls("grüße 🐋"), "grüße 🐋");
  EXPECT_EQ(without_controls("\x9B"
                             "x"),
            "\uFFFDx");
}

TEST(Table, AlignsColumnsByWhatIsSeen) {
  EXPECT_EQ(table({{"NAME", "N"}, {"größe", "7"}, {"b", "12"}}, 1), "NAME    N\ngröße   7\nb      12\n");
  EXPECT_EQ(table({{"A", "B"}, {"x", ""}}), "A  B\nx\n") << "no white space at a line's end";
  EXPECT_EQ(table({}), "");
}

TEST(HumanText, BytesAndTimes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1'000), "1.0 kB");
  EXPECT_EQ(human_bytes(98'123'456), "98.1 MB");
  EXPECT_EQ(human_bytes(999'600'000), "1.0 GB");
  EXPECT_EQ(human_bytes(123'000'000'000), "123 GB");
  EXPECT_EQ(human_time(0), "-");
  EXPECT_EQ(human_time(1'795'508'700), "2026-11-24 08:25");
}

TEST(ProgressBar, DrawsOnATerminalAndClearsItsLine) {
  const PseudoTerminal terminal(100);
  {
    ProgressBar bar("story", terminal.stream());
    bar.show("downloading", 0, 1'000'000);
    bar.show("downloading", 1'000'000, 1'000'000);
  }
  const std::string seen = terminal.output();
  EXPECT_THAT(seen, AllOf(HasSubstr("story  downloading"), HasSubstr("[========================] 100%")));
  EXPECT_THAT(seen, HasSubstr("1.0 MB of 1.0 MB"));
  EXPECT_TRUE(seen.ends_with("\r\x1b[K")) << "the line is taken away at the end";
}

TEST(ProgressBar, NeverWrapsTheLine) {
  const PseudoTerminal terminal(20);
  {
    ProgressBar bar("a-long-name-größer", terminal.stream());
    bar.show("downloading", 500, 1'000);
  }
  std::string seen = terminal.output();
  seen = seen.substr(1, seen.find("\x1b[K") - 1);
  EXPECT_LE(seen.size(), 20U);
  EXPECT_THAT(seen, HasSubstr("a-long-name-gr")) << seen;
}

TEST(ProgressBar, IsSilentElsewhere) {
  std::FILE* file = std::tmpfile();
  {
    ProgressBar bar("story", file);
    bar.show("downloading", 1, 2);
  }
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

TEST(ExitCodes, SayWhatHappened) {
  using base::ErrorCode;
  EXPECT_EQ(exit_code_of(ErrorCode::kInvalidArgument), ExitCode::kUsage);
  EXPECT_EQ(exit_code_of(ErrorCode::kNotFound), ExitCode::kNotFound);
  EXPECT_EQ(exit_code_of(ErrorCode::kUnauthenticated), ExitCode::kRefused);
  EXPECT_EQ(exit_code_of(ErrorCode::kPermissionDenied), ExitCode::kRefused);
  EXPECT_EQ(exit_code_of(ErrorCode::kUnavailable), ExitCode::kBusy);
  EXPECT_EQ(exit_code_of(ErrorCode::kCancelled), ExitCode::kInterrupted);
  EXPECT_EQ(exit_code_of(ErrorCode::kCorrupt), ExitCode::kFailure);
}

}  // namespace
}  // namespace marquee::apps
