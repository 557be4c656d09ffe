#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace marquee::apps {

/// One sentence about a command line that cannot be understood: what is wrong, the nearest command or flag that was
/// perhaps meant, and whose --help explains more.
std::string describe_usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace marquee::apps
