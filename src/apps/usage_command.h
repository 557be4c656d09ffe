#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee usage`
void add_usage_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
