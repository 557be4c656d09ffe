// The `marquee` command. Each subcommand is a file pair and one line here.

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "apps/bench_command.h"
#include "apps/chat_command.h"
#include "apps/commands.h"
#include "apps/doctor_command.h"
#include "apps/key_command.h"
#include "apps/list_command.h"
#include "apps/options.h"
#include "apps/pull_command.h"
#include "apps/rm_command.h"
#include "apps/run_command.h"
#include "apps/serve_command.h"
#include "apps/usage_command.h"
#include "apps/usage_error.h"
#include "apps/version_command.h"

namespace marquee::apps {
namespace {

constexpr const char* kExamples =
    "marquee pull smollm2-135m-instruct     install a model\n"
    "marquee serve                          serve it on http://127.0.0.1:8080\n"
    "marquee chat                           talk to it in this terminal\n"
    "marquee run \"Tell me a story\"          one answer to standard output\n"
    "marquee bench                          see how fast this machine answers\n"
    "marquee doctor                         see whether this machine is fit\n\n"
    "Exit codes: 0 done, 1 it went wrong, 2 wrong arguments or settings, 3 no such model, key or file,\n"
    "            4 the key does not allow it, 5 busy or not ready, 130 interrupted";

void add_commands(CLI::App& app, Action& action) {
  add_serve_command(app, action);
  add_pull_command(app, action);
  add_list_command(app, action);
  add_rm_command(app, action);
  add_chat_command(app, action);
  add_run_command(app, action);
  add_bench_command(app, action);
  add_key_command(app, action);
  add_usage_command(app, action);
  add_doctor_command(app, action);
  add_version_command(app, action);
}

int run(int argc, char** argv) {
  CLI::App app("Marquee: stories, dialogue and chat from models on your own machine", "marquee");
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.set_version_flag("--version", std::string("marquee ") + version());
  add_examples(app, kExamples);
  Action action;
  add_commands(app, action);
  if (argc < 2) {
    std::fputs(app.help().c_str(), stderr);
    return static_cast<int>(ExitCode::kUsage);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return static_cast<int>(fail(base::invalid_argument(describe_usage_error(app, error))));
  }
  return static_cast<int>(action());
}

}  // namespace
}  // namespace marquee::apps

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(077);  // keys, usage and models are the owner's alone
  try {
    return marquee::apps::run(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "marquee: %s\n", exception.what());
    return static_cast<int>(marquee::apps::ExitCode::kFailure);
  }
}
