#include "apps/options.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/log.h"

namespace marquee::apps {
namespace {

void add_setting(CLI::App& command, const SettingSpec& spec, const std::shared_ptr<SettingFlags>& flags) {
  const std::string name = spec.name;
  const std::string usual = spec.default_text();
  const std::string help = spec.help + (usual.empty() ? "" : " [" + usual + "]");
  CLI::Option* option = nullptr;
  if (std::holds_alternative<SettingSpec::Flag>(spec.kind)) {
    option = command.add_flag_function(  // --flag=false counts -1: it overrules a file or a variable
        spec.flag(),
        [flags, name](std::int64_t count) { flags->values.emplace_back(name, count > 0 ? "true" : "false"); },
        spec.help);
  } else {
    option = command.add_option_function<std::vector<std::string>>(
        spec.flag(),
        [flags, name](const std::vector<std::string>& texts) {
          for (const std::string& text : texts) flags->values.emplace_back(name, text);
        },
        help);
    const bool list = std::holds_alternative<SettingSpec::List>(spec.kind);
    option->expected(1)->allow_extra_args(false)->multi_option_policy(list ? CLI::MultiOptionPolicy::TakeAll
                                                                           : CLI::MultiOptionPolicy::TakeLast);
    const std::string range = spec.range();
    option->type_name(!range.empty() ? range : list ? "LIST" : "TEXT");
  }
  option->group("Settings");
}

}  // namespace

base::Result<LoadedSettings> SettingFlags::load() const {
  MARQUEE_ASSIGN(LoadedSettings loaded, load_settings(
                                            values, [](const char* name) { return std::getenv(name); }, config));
  MARQUEE_CHECK(base::configure_logging(loaded.values.log_level, loaded.values.log_json));
  return loaded;
}

std::shared_ptr<SettingFlags> add_setting_flags(CLI::App& command, std::span<const std::string_view> names) {
  auto flags = std::make_shared<SettingFlags>();
  command
      .add_option("--config", flags->config,
                  "settings file (default: $MARQUEE_CONFIG, $XDG_CONFIG_HOME/marquee/marquee.toml)")
      ->type_name("FILE")
      ->group("Settings");
  for (const SettingSpec& spec : setting_specs()) {
    const bool wanted = names.empty() || std::find(names.begin(), names.end(), spec.name) != names.end();
    if (wanted) add_setting(command, spec, flags);
  }
  return flags;
}

void add_examples(CLI::App& command, std::string_view examples) {
  std::string text = "Examples:\n";
  while (!examples.empty()) {
    const std::size_t end = std::min(examples.find('\n'), examples.size());
    text += (end == 0 ? "" : "  ") + std::string(examples.substr(0, end)) + "\n";
    examples.remove_prefix(std::min(end + 1, examples.size()));
  }
  command.footer(text);
}

}  // namespace marquee::apps
