#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee run "prompt"`
void add_run_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
