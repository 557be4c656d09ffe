#include "apps/usage_error.h"

#include <string_view>
#include <vector>

#include "apps/spelling.h"

namespace marquee::apps {
namespace {

/// The command that the person got as far as naming.
const CLI::App& deepest(const CLI::App& app) {
  const CLI::App* found = &app;
  while (!found->get_subcommands().empty()) found = found->get_subcommands().front();
  return *found;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::vector<std::string> names_like(const CLI::App& command, bool flags) {
  std::vector<std::string> names;
  if (!flags) {
    for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(each->get_name());
    }
    return names;
  }
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string unexpected_word(const CLI::App& command, const std::string& word) {
  const bool flag = word.starts_with('-');
  const std::vector<std::string> known = names_like(command, flag);
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string asked = word.substr(0, word.find('='));
  const auto nearest = nearest_name(asked, views);
  const bool is_command = !flag && !known.empty();
  std::string text = is_command ? "there is no command '" + asked + "'"
                     : flag     ? "there is no flag " + asked
                                : "'" + asked + "' is one argument too many";
  if (nearest)
    text += "; did you mean " + (is_command ? "'" + full_name(command) + " " + *nearest + "'?" : *nearest + "?");
  return text;
}

}  // namespace

std::string describe_usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = deepest(app);
  const std::vector<std::string> left = app.remaining(true);
  std::string text = error.what();
  if (error.get_name() == "ArgumentMismatch") text = text.substr(0, text.find(':')) + " needs a value";
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && !left.empty()) {
    text = unexpected_word(command, left.front());
  } else if (error.get_name() == "RequiredError" && !names_like(command, false).empty()) {
    text = left.empty() ? "a command is needed" : unexpected_word(command, left.front());
  }
  return text + " (see " + full_name(command) + " --help)";
}

}  // namespace marquee::apps
