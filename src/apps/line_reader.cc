#include "apps/line_reader.h"

#include <histedit.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include "apps/signals.h"
#include "apps/terminal.h"

namespace marquee::apps {
namespace {

constexpr int kRememberedLines = 1'000;

/// Between two prompts the terminal would take Ctrl-D for itself, and what was typed ahead would lose it; without an
/// end-of-file character it waits for the next prompt, as every other key does. libedit, which took the terminal's mode
/// at its start, gives the character back when it ends.
void keep_ctrl_d(std::FILE* terminal) {
  termios mode{};
  if (::tcgetattr(::fileno(terminal), &mode) != 0) return;
  mode.c_cc[VEOF] = _POSIX_VDISABLE;
  ::tcsetattr(::fileno(terminal), TCSANOW, &mode);
}

}  // namespace

struct LineReader::Editor {
  EditLine* line = nullptr;
  History* history = nullptr;
  std::filesystem::path file;
  std::string prompt;

  /// libedit asks for the prompt through the pointer that EL_CLIENTDATA holds.
  static char* show_prompt(EditLine* line) {
    Editor* self = nullptr;
    el_get(line, EL_CLIENTDATA, &self);
    return self->prompt.data();
  }

  Editor(std::filesystem::path history_file, std::FILE* in, std::FILE* out) : file(std::move(history_file)) {
    line = el_init("marquee", in, out, stderr);
    history = history_init();
    HistEvent event{};
    ::history(history, &event, H_SETSIZE, kRememberedLines);
    ::history(history, &event, H_SETUNIQUE, 1);
    el_set(line, EL_CLIENTDATA, this);
    el_set(line, EL_PROMPT_ESC, show_prompt, '\1');
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_HIST, ::history, history);
    el_set(line, EL_SIGNAL, 0);
    el_source(line, nullptr);  // the person's own ~/.editrc
    keep_ctrl_d(in);
    if (file.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    ::history(history, &event, H_LOAD, file.c_str());
  }

  ~Editor() {
    HistEvent event{};
    if (!file.empty()) {
      ::history(history, &event, H_SAVE, file.c_str());
      ::chmod(file.c_str(), 0600);
    }
    history_end(history);
    el_end(line);
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
};

LineReader::LineReader(std::filesystem::path history, std::FILE* in, std::FILE* out) : in_(in), out_(out) {
  if (is_terminal(in) && is_terminal(out)) editor_ = std::make_unique<Editor>(std::move(history), in, out);
}

LineReader::~LineReader() = default;

LineReader::Line LineReader::read_plainly() {
  std::string text;
  bool too_long = false;
  for (int c = std::getc(in_); c != '\n'; c = std::getc(in_)) {
    if (c == EOF && InterruptFlag::raised()) return {Outcome::kInterrupted, ""};
    if (c == EOF && text.empty() && !too_long) return {Outcome::kEnd, ""};
    if (c == EOF) break;
    too_long = too_long || text.size() == kMaxLineBytes;
    if (!too_long) text += static_cast<char>(c);
  }
  if (too_long) return {Outcome::kTooLong, ""};
  return {Outcome::kLine, std::move(text)};
}

LineReader::Line LineReader::read(const std::string& prompt) {
  InterruptFlag::clear();
  if (!editor_) return read_plainly();
  editor_->prompt = prompt;
  int size = 0;
  const char* text = el_gets(editor_->line, &size);
  if (InterruptFlag::raised()) {
    el_reset(editor_->line);
    std::fputs("\n", out_);
    return {Outcome::kInterrupted, ""};
  }
  if (text == nullptr || size <= 0) return {Outcome::kEnd, ""};
  std::string line(text, static_cast<std::size_t>(size));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  if (line.size() > kMaxLineBytes) return {Outcome::kTooLong, ""};
  if (!line.empty()) {
    HistEvent event{};
    ::history(editor_->history, &event, H_ENTER, line.c_str());
  }
  return {Outcome::kLine, std::move(line)};
}

}  // namespace marquee::apps
