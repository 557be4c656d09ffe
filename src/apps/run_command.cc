#include "apps/run_command.h"

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/answer_flags.h"
#include "apps/signals.h"
#include "apps/terminal.h"
#include "base/json.h"
#include "base/utf8.h"

namespace marquee::apps {
namespace {

using base::Result;

constexpr std::size_t kMaxPromptBytes = 16U << 20U;
constexpr std::int32_t kRawMaxTokens = 512;  ///< a plain text has no natural end

struct RunFlags {
  std::string prompt;
  bool raw = false;
  bool json = false;
  bool ignore_eos = false;
  std::shared_ptr<AnswerFlags> answers;
};

Result<std::string> read_standard_input() {
  std::string text;
  std::array<char, 65'536> buffer{};
  for (;;) {
    const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), stdin);
    text.append(buffer.data(), size);
    if (text.size() > kMaxPromptBytes) return base::invalid_argument("the prompt is larger than 16 MiB");
    if (size < buffer.size()) break;
  }
  if (std::ferror(stdin) != 0) return base::io_error("cannot read the prompt from standard input");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

/// The prompt is the argument, or else what standard input holds.
Result<std::string> prompt_of(const RunFlags& flags) {
  std::string prompt = flags.prompt == "-" ? "" : flags.prompt;
  if (flags.prompt.empty() && is_terminal(stdin)) {
    return base::invalid_argument("a prompt is needed: marquee run \"Tell me a story\"");
  }
  if (flags.prompt.empty() || flags.prompt == "-") {
    MARQUEE_ASSIGN(prompt, read_standard_input());
  }
  if (prompt.empty()) return base::invalid_argument("the prompt is empty");
  if (!base::is_valid_utf8(prompt)) return base::invalid_argument("the prompt is not valid UTF-8");
  return prompt;
}

void print_json(const Answer& answer, const std::string& model) {
  const base::json::object object = {
      {"model", model},
      {"text", answer.text},
      {"finish_reason", answer.finish_reason},
      {"prompt_tokens", answer.prompt_tokens},
      {"completion_tokens", answer.completion_tokens},
      {"first_token_ms", static_cast<std::int64_t>(answer.first_token_s * 1e3)},
      {"total_ms", static_cast<std::int64_t>(answer.total_s * 1e3)},
  };
  std::printf("%s\n", base::json::serialize(object).c_str());
}

Result<Answer> ask(Answerer& answerer, const RunFlags& flags, const std::string& prompt) {
  AnswerOptions options = flags.answers->options;
  options.ignore_eos = flags.ignore_eos;
  if (flags.raw && options.max_tokens == 0) options.max_tokens = kRawMaxTokens;
  const bool to_terminal = is_terminal(stdout);
  const OnText print = [&](std::string_view text) {
    if (flags.json) return;
    write_answer(to_terminal ? without_controls(text) : std::string(text));
  };
  if (flags.raw) return answerer.complete(prompt, options, print, InterruptFlag::raised());
  std::vector<serving::ChatMessage> messages;
  if (!flags.answers->system.empty()) messages.push_back({"system", flags.answers->system});
  messages.push_back({"user", prompt});
  return answerer.chat(messages, options, print, InterruptFlag::raised());
}

ExitCode run(const RunFlags& flags) {
  const auto prompt = prompt_of(flags);
  if (!prompt) return fail(prompt.error());
  const auto answerer = flags.answers->open();
  if (!answerer) return fail(answerer.error());
  const InterruptFlag interrupt;  // from here on Ctrl-C ends the answer in order
  const auto answer = ask(**answerer, flags, *prompt);
  if (!answer) return fail(answer.error());
  if (flags.json) {
    print_json(*answer, (*answerer)->model());
  } else if (!answer->text.ends_with('\n')) {
    std::fputs("\n", stdout);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail(base::io_error("cannot write the answer to standard output"));
  return answer->finish_reason == "cancelled" ? ExitCode::kInterrupted : ExitCode::kOk;
}

}  // namespace

void add_run_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("run", "Answer one prompt and leave");
  auto flags = std::make_shared<RunFlags>();
  command->add_option("prompt", flags->prompt, "the prompt; without one, or '-', it is read from standard input");
  command->add_flag("--raw", flags->raw, "go on with the text as it is, without the model's chat template");
  command->add_flag("--ignore-eos", flags->ignore_eos, "do not let the model end (give --max-tokens)");
  command->add_flag("--json", flags->json, "the whole answer and its figures as JSON");
  flags->answers = add_answer_flags(*command);
  add_examples(*command,
               "marquee run \"Write a quest for a young blacksmith\"\n"
               "marquee run --seed 7 --max-tokens 200 \"A lullaby for a robot\"\n"
               "marquee run --system \"You answer as a pirate\" < question.txt > answer.txt\n"
               "marquee run --raw \"Once upon a time\" --json\n"
               "marquee run --server http://127.0.0.1:8080 \"Hello\"      with the key in MARQUEE_KEY");
  command->callback([&action, flags] { action = [flags] { return run(*flags); }; });
}

}  // namespace marquee::apps
