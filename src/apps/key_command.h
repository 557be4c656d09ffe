#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee key create|list|revoke`
void add_key_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
