#pragma once
// The subcommands of `marquee`. Each add_…_command() adds one to `app`; when the person chose it, it sets `action`,
// which main() then runs. A new command is a file pair <name>_command.{h,cc} and one line in main.cc.

#include <CLI/CLI.hpp>
#include <functional>

#include "apps/exit_code.h"

namespace marquee::apps {

using Action = std::function<ExitCode()>;

}  // namespace marquee::apps
