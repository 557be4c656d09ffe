#include "apps/chat_session.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "apps/answer_flags.h"
#include "apps/exit_code.h"
#include "apps/signals.h"
#include "apps/spelling.h"
#include "apps/word_wrap.h"
#include "base/utf8.h"

namespace marquee::apps {
namespace {

using base::ErrorCode;
using base::Result;

constexpr const char* kPrompt = "> ";
constexpr const char* kMorePrompt = "… ";

/// Prints an answer as it comes: on a terminal broken between words, elsewhere as it is. White space that many models
/// begin and end with is left out.
class AnswerPrinter {
 public:
  void add(std::string_view text) { write_answer(wrap_.add(text)); }
  void finish() {
    write_answer(wrap_.finish());
    if (wrap_.begun()) write_answer("\n");
  }

 private:
  WordWrap wrap_{is_terminal(stdout) ? static_cast<std::size_t>(terminal_columns(stdout)) : 0};
};

std::string figures(const Answer& answer) {
  char text[128];
  const char* end = answer.finish_reason == "length" ? ", cut at the limit" : "";
  if (answer.finish_reason == "cancelled") end = ", stopped";
  std::snprintf(text, sizeof text, "%lld tokens, %.1f tok/s, first after %.2f s%s",
                static_cast<long long>(answer.completion_tokens), answer.tokens_per_second(), answer.first_token_s,
                end);
  return text;
}

}  // namespace

const std::vector<ChatSession::Command>& ChatSession::commands() {
  static const std::vector<Command> all = {
      {"/help", "", "this list", &ChatSession::help},
      {"/system", "TEXT", "tell the model its role; no text: none", &ChatSession::set_system},
      {"/clear", "", "forget the conversation", &ChatSession::clear},
      {"/retry", "", "answer the last message anew", &ChatSession::retry},
      {"/set", "NAME VALUE", "how to answer: temperature 0.9, …; /set alone lists the names", &ChatSession::set},
      {"/save", "FILE", "write the conversation as Markdown", &ChatSession::save},
      {"/info", "", "the model and how much of its context is used", &ChatSession::info},
      {"/quit", "", "leave; Ctrl-D does, too", &ChatSession::quit},
  };
  return all;
}

ChatSession::ChatSession(Answerer& answerer, AnswerOptions options, std::string system)
    : answerer_(answerer),
      options_(std::move(options)),
      system_(std::move(system)),
      interactive_(is_terminal(stdin) && is_terminal(stdout)) {}

void ChatSession::note(std::string_view text) const {
  std::fprintf(interactive_ ? stdout : stderr, "%s\n", paint_.dim(text).c_str());
}

bool ChatSession::run(LineReader& reader) {
  if (interactive_) note(answerer_.model() + " is listening; /help lists commands, Ctrl-D leaves");
  // Escapes are between \1 marks so that libedit does not count them as columns.
  const bool colour = shows_colour(stdout);
  const std::string prompt = colour ? std::string("\1\x1b[1;36m\1") + kPrompt + "\1\x1b[0m\1" : kPrompt;
  bool good = true;
  std::string text;
  while (!leaving_) {
    const LineReader::Line line = reader.read(text.empty() ? prompt : kMorePrompt);
    if (line.outcome == LineReader::Outcome::kEnd) break;
    if (line.outcome == LineReader::Outcome::kInterrupted) {
      if (!interactive_) break;
      if (text.empty()) note("Ctrl-D or /quit leaves");
      text.clear();
      continue;
    }
    if (line.outcome == LineReader::Outcome::kTooLong) {
      note("that line has more than 1 MiB and was not sent");
      text.clear();
      good = false;
      continue;
    }
    if (line.text.ends_with('\\')) {
      text += line.text.substr(0, line.text.size() - 1) + "\n";
      continue;
    }
    text += line.text;
    const std::string whole = std::exchange(text, "");
    if (whole.find_first_not_of(" \t\n") == std::string::npos) continue;
    if (whole.front() == '/') {
      obey(whole);
    } else {
      good = say(whole) && good;
    }
    if (std::ferror(stdout) != 0) {
      (void)fail(base::io_error("cannot write the answer to standard output"));
      return false;
    }
  }
  if (interactive_) std::fputs("\n", stdout);
  return interactive_ || good;
}

void ChatSession::obey(const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  const std::size_t start = space == std::string::npos ? space : line.find_first_not_of(' ', space);
  const std::string argument = start == std::string::npos ? "" : line.substr(start);
  std::vector<std::string_view> names;
  for (const Command& command : commands()) {
    names.emplace_back(command.name);
    if (name == command.name) return (this->*command.action)(argument);
  }
  const auto nearest = nearest_name(name, names);
  note("there is no " + without_controls(name) +
       (nearest ? "; did you mean " + *nearest + "?" : "; /help lists what there is"));
}

bool ChatSession::say(const std::string& text) {
  if (!base::is_valid_utf8(text)) {
    note("that is not valid UTF-8 and was not sent");
    return false;
  }
  turns_.push_back({"user", text});
  if (answer()) return true;
  turns_.pop_back();
  return false;
}

Result<Answer> ChatSession::ask(const OnText& on_text) {
  for (;;) {
    std::vector<serving::ChatMessage> messages;
    if (!system_.empty()) messages.push_back({"system", system_});
    messages.insert(messages.end(), turns_.begin(), turns_.end());
    auto answer = answerer_.chat(messages, options_, on_text, InterruptFlag::raised());
    if (answer || answer.error().code != ErrorCode::kTooLarge || turns_.size() < 3) return answer;
    turns_.erase(turns_.begin(), turns_.begin() + 2);
    note("(the oldest exchange no longer fits the model's context and was dropped)");
  }
}

bool ChatSession::answer() {
  InterruptFlag::clear();
  AnswerPrinter printer;
  const auto answer = ask([&](std::string_view text) { printer.add(text); });
  printer.finish();
  if (!answer) {
    (void)fail(answer.error());
    return false;
  }
  if (interactive_) note(figures(*answer) + "\n");
  std::fflush(stdout);
  last_total_tokens_ = answer->prompt_tokens + answer->completion_tokens;
  turns_.push_back({"assistant", answer->text});
  return true;
}

void ChatSession::help(const std::string&) {
  std::vector<std::vector<std::string>> rows;
  for (const Command& command : commands()) {
    rows.push_back({std::string("  ") + command.name + " " + command.argument, command.help});
  }
  std::fputs(table(rows).c_str(), stdout);
  std::fputs("  Ctrl-C stops an answer; ↑ and ↓ bring back earlier lines; a \\ at a line's end goes on\n", stdout);
}

void ChatSession::set_system(const std::string& text) {
  system_ = text;
  note(text.empty() ? "no role" : "the model is told that from now on");
}

void ChatSession::clear(const std::string&) {
  turns_.clear();
  note("forgotten");
}

void ChatSession::retry(const std::string&) {
  if (turns_.size() < 2) return note("there is nothing to answer anew");
  serving::ChatMessage old = std::move(turns_.back());
  turns_.pop_back();
  if (!answer()) turns_.push_back(std::move(old));
}

void ChatSession::set(const std::string& text) {
  const std::size_t space = text.find(' ');
  const std::size_t start = space == std::string::npos ? space : text.find_first_not_of(' ', space);
  const auto done =
      set_answer_option(options_, text.substr(0, space), start == std::string::npos ? "" : text.substr(start));
  note(done ? "from now on" : without_controls(done.error().message));
}

void ChatSession::save(const std::string& name) {
  if (name.empty()) return note("where to? /save FILE");
  const char* home = std::getenv("HOME");
  const std::string path = name.starts_with("~/") && home != nullptr ? home + name.substr(1) : name;
  std::error_code error;
  if (std::filesystem::exists(path, error))
    return note(without_controls(path) + " is there already; give another name");
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!system_.empty()) file << "**system**: " << system_ << "\n\n";
  for (const serving::ChatMessage& turn : turns_) file << "**" << turn.role << "**: " << turn.content << "\n\n";
  file.flush();
  note((file ? "saved to " : "cannot write ") + without_controls(path));
}

void ChatSession::info(const std::string&) {
  note(answerer_.model() + ": " + std::to_string(turns_.size()) + " messages; the last answer and all before it took " +
       std::to_string(last_total_tokens_) + " tokens");
}

void ChatSession::quit(const std::string&) { leaving_ = true; }

}  // namespace marquee::apps
