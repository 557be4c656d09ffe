#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee list`
void add_list_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
