#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee rm`
void add_rm_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
