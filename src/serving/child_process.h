#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "serving/pull_monitor.h"

namespace marquee::serving {

struct ChildRequest {
  std::vector<std::string> arguments;  ///< arguments[0] is looked up in PATH; no shell sees them
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to this process's
  std::function<std::uint64_t()> done_bytes;                     ///< for progress, asked while the child runs
};

struct ChildOutcome {
  int exit_code = 0;         ///< 128 + signal if one ended it
  std::string error_output;  ///< the last 4 KiB of what it wrote to standard error, printable
};

/// Runs a program to its end; ends it when the pull is cancelled. Its standard output goes nowhere.
/// @error kNotFound if there is no such program; kIo; kCancelled
base::Result<ChildOutcome> run_child(const ChildRequest& request, PullMonitor& monitor);

}  // namespace marquee::serving
