#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee chat`
void add_chat_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
