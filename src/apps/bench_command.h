#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee bench`
void add_bench_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
