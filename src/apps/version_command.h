#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee version`
void add_version_command(CLI::App& app, Action& action);

/// "0.1.0"
const char* version();

}  // namespace marquee::apps
