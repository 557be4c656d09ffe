#pragma once
// A conversation in the terminal: what was said, and the commands that begin with '/'.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "apps/answering.h"
#include "apps/line_reader.h"
#include "apps/terminal.h"

namespace marquee::apps {

class ChatSession {
 public:
  ChatSession(Answerer& answerer, AnswerOptions options, std::string system);
  /// Talks until the person leaves. @return false if something went wrong in a conversation that nobody watches
  bool run(LineReader& reader);

 private:
  struct Command {
    const char* name;
    const char* argument;
    const char* help;
    void (ChatSession::*action)(const std::string& argument);
  };
  static const std::vector<Command>& commands();

  void obey(const std::string& line);
  bool say(const std::string& text);
  bool answer();
  base::Result<Answer> ask(const OnText& on_text);
  void note(std::string_view text) const;

  void help(const std::string&);
  void set_system(const std::string& text);
  void clear(const std::string&);
  void retry(const std::string&);
  void set(const std::string& text);
  void save(const std::string& name);
  void info(const std::string&);
  void quit(const std::string&);

  Answerer& answerer_;
  AnswerOptions options_;
  std::string system_;
  std::vector<serving::ChatMessage> turns_;  ///< user and assistant, in turn
  std::int64_t last_total_tokens_ = 0;
  bool leaving_ = false;
  bool interactive_;
  Paint paint_{stdout};
};

}  // namespace marquee::apps
