#pragma once
// Logging goes through spdlog's default logger, to standard error. Never log a key, a prompt or a completion.

#include <spdlog/spdlog.h>

#include <string_view>

#include "base/result.h"

namespace marquee::base {

/// Sets the level ("trace" to "off") and the format (text on a terminal, one JSON object a line when `json`).
/// @error kInvalidArgument for an unknown level
Result<void> configure_logging(std::string_view level, bool json);

}  // namespace marquee::base
