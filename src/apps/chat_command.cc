#include "apps/chat_command.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "apps/answer_flags.h"
#include "apps/chat_session.h"
#include "apps/line_reader.h"
#include "apps/signals.h"

namespace marquee::apps {
namespace {

struct ChatFlags {
  bool no_history = false;
  std::shared_ptr<AnswerFlags> answers;
};

/// $XDG_STATE_HOME/marquee/chat_history, or nowhere without a home.
std::filesystem::path history_path() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if (state != nullptr && std::filesystem::path(state).is_absolute()) {
    return std::filesystem::path(state) / "marquee" / "chat_history";
  }
  if (home == nullptr || !std::filesystem::path(home).is_absolute()) return {};
  return std::filesystem::path(home) / ".local" / "state" / "marquee" / "chat_history";
}

ExitCode chat(const ChatFlags& flags) {
  const auto answerer = flags.answers->open();
  if (!answerer) return fail(answerer.error());
  const InterruptFlag interrupt;
  LineReader reader(flags.no_history ? std::filesystem::path() : history_path());
  ChatSession session(**answerer, flags.answers->options, flags.answers->system);
  return session.run(reader) ? ExitCode::kOk : ExitCode::kFailure;
}

}  // namespace

void add_chat_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("chat", "Talk to a model in this terminal");
  auto flags = std::make_shared<ChatFlags>();
  command->add_flag("--no-history", flags->no_history, "do not remember the lines typed");
  flags->answers = add_answer_flags(*command);
  add_examples(*command,
               "marquee chat                                          with the default model, no server needed\n"
               "marquee chat --system \"You are a tired dragon\"\n"
               "marquee chat --model ./my-model.gguf --temperature 0\n"
               "MARQUEE_KEY=mq_… marquee chat --server http://127.0.0.1:8080");
  command->callback([&action, flags] { action = [flags] { return chat(*flags); }; });
}

}  // namespace marquee::apps
