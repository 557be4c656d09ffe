#pragma once

#include "apps/commands.h"

namespace marquee::apps {

/// `marquee doctor`
void add_doctor_command(CLI::App& app, Action& action);

}  // namespace marquee::apps
