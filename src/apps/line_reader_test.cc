#include "apps/line_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "apps/pseudo_terminal_test.h"
#include "serving/scratch_folder_test.h"

namespace marquee::apps {
namespace {

using Outcome = LineReader::Outcome;

/// A file that holds `text`, to be read from its beginning.
class Input {
 public:
  explicit Input(std::string_view text) : file_(std::tmpfile()) {
    std::fwrite(text.data(), 1, text.size(), file_);
    std::rewind(file_);
  }
  ~Input() { std::fclose(file_); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  [[nodiscard]] std::FILE* file() const { return file_; }

 private:
  std::FILE* file_;
};

TEST(LineReader, ReadsLinesOfAPipeAndThenEnds) {
  const Input input("one\n\ngrüße");
  LineReader reader("", input.file());
  EXPECT_EQ(reader.read("> ").text, "one");
  EXPECT_EQ(reader.read("> ").text, "");
  const auto last = reader.read("> ");
  EXPECT_EQ(last.outcome, Outcome::kLine) << "a last line needs no line feed";
  EXPECT_EQ(last.text, "grüße");
  EXPECT_EQ(reader.read("> ").outcome, Outcome::kEnd);
}

TEST(LineReader, RefusesALineThatIsTooLongAndGoesOn) {
  const std::string fits(LineReader::kMaxLineBytes, 'a');
  const Input input(fits + "\n" + fits + "a\nnext\n" + fits + "aa");
  LineReader reader("", input.file());
  EXPECT_EQ(reader.read("> ").text.size(), fits.size());
  EXPECT_EQ(reader.read("> ").outcome, Outcome::kTooLong);
  EXPECT_EQ(reader.read("> ").text, "next");
  EXPECT_EQ(reader.read("> ").outcome, Outcome::kTooLong);
  EXPECT_EQ(reader.read("> ").outcome, Outcome::kEnd);
}

/// What the reader makes of keys typed at its prompt.
LineReader::Line typed(LineReader& reader, const PseudoTerminal& terminal, std::string_view keys) {
  std::thread typist([&] { terminal.type_after("> ", keys); });
  auto line = reader.read("> ");
  typist.join();
  return line;
}

TEST(LineReader, EditsOnATerminal) {
  const PseudoTerminal terminal;
  ::setenv("TERM", "xterm", 1);
  LineReader reader("", terminal.stream(), terminal.stream());
  EXPECT_EQ(typed(reader, terminal,
                  "whble\x7f\x7f\x7f"
                  "ale\r")
                .text,
            "whale");
  EXPECT_EQ(typed(reader, terminal, "\x1b[A\r").text, "whale") << "the line before comes back";
  EXPECT_EQ(typed(reader, terminal, "\x04").outcome, Outcome::kEnd);
}

TEST(LineReader, TakesACtrlDThatWasTypedBeforeThePrompt) {
  const PseudoTerminal terminal;
  terminal.take_whole_lines();
  ::setenv("TERM", "xterm", 1);
  {
    LineReader reader("", terminal.stream(), terminal.stream());
    EXPECT_EQ(typed(reader, terminal, "a line\r").text, "a line");
    terminal.type("\x04never seen\r");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the kernel takes the keys in its own time
    const auto line = reader.read("> ");
    EXPECT_EQ(line.outcome, Outcome::kEnd) << line.text;
  }
  termios after{};
  ASSERT_EQ(::tcgetattr(::fileno(terminal.stream()), &after), 0);
  EXPECT_EQ(after.c_cc[VEOF], 4) << "the terminal is as it was";
}

TEST(LineReader, RemembersLinesInAFileOfTheOwnerAlone) {
  const serving::ScratchFolder folder;
  const auto file = folder.path() / "state" / "history";
  ::setenv("TERM", "xterm", 1);
  {
    const PseudoTerminal terminal;
    LineReader reader(file, terminal.stream(), terminal.stream());
    EXPECT_EQ(typed(reader, terminal, "a \"secret\" plan\r").text, "a \"secret\" plan");
  }
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const PseudoTerminal terminal;
  LineReader reader(file, terminal.stream(), terminal.stream());
  EXPECT_EQ(typed(reader, terminal, "\x1b[A\r").text, "a \"secret\" plan");
}

}  // namespace
}  // namespace marquee::apps
