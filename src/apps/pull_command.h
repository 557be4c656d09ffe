#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee pull`
void add_pull_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
