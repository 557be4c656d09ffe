#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "apps/settings.h"

namespace marquee::apps {

/// What a command's flags said about settings.
struct SettingFlags {
  std::string config;
  FlagValues values;

  /// The settings of this process: flags, environment, file, defaults. Also sets up logging.
  [[nodiscard]] base::Result<LoadedSettings> load() const;
};

/// For commands that only need the data folder.
inline constexpr std::string_view kDataOnly[] = {"data"};

/// Adds --config and the flags of the named settings (all of them if `names` is empty).
std::shared_ptr<SettingFlags> add_setting_flags(CLI::App& command, std::span<const std::string_view> names = {});

/// Adds the examples that `--help` ends with, one "command  what it does" a line.
void add_examples(CLI::App& command, std::string_view examples);

}  // namespace marquee::apps
