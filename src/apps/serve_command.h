#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee serve`
void add_serve_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
