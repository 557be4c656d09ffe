#include "apps/line_reader.h"

#include <histedit.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <system_error>
#include <utility>

#include "apps/signals.h"
#include "apps/terminal.h"

namespace marquee::apps {
namespace {

constexpr int kRememberedLines = 1'000;
constexpr std::size_t kMaxLineBytes = 1 << 20;

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

  explicit Editor(std::filesystem::path history_file) : file(std::move(history_file)) {
    line = el_init("marquee", stdin, stdout, stderr);
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

LineReader::LineReader(std::filesystem::path history) {
  if (is_terminal(stdin) && is_terminal(stdout)) editor_ = std::make_unique<Editor>(std::move(history));
}

LineReader::~LineReader() = default;

LineReader::Line LineReader::read(const std::string& prompt) {
  InterruptFlag::clear();
  if (!editor_) {
    std::string text;
    if (!std::getline(std::cin, text)) return {InterruptFlag::raised() ? Outcome::kInterrupted : Outcome::kEnd, ""};
    return {Outcome::kLine, text.substr(0, kMaxLineBytes)};
  }
  editor_->prompt = prompt;
  int size = 0;
  const char* text = el_gets(editor_->line, &size);
  if (InterruptFlag::raised()) {
    el_reset(editor_->line);
    std::fputs("\n", stdout);
    return {Outcome::kInterrupted, ""};
  }
  if (text == nullptr || size <= 0) return {Outcome::kEnd, ""};
  std::string line(text, static_cast<std::size_t>(size));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  if (!line.empty()) {
    HistEvent event{};
    ::history(editor_->history, &event, H_ENTER, line.c_str());
  }
  return {Outcome::kLine, line.substr(0, kMaxLineBytes)};
}

}  // namespace marquee::apps
