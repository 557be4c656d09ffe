#pragma once

#include "base/result.h"

namespace marquee::apps {

/// What the program's exit status says to a script. `marquee --help` lists them.
enum class ExitCode : int {
  kOk = 0,
  kFailure = 1,       ///< it was tried and went wrong
  kUsage = 2,         ///< wrong arguments or settings; nothing was tried
  kNotFound = 3,      ///< no such model, key or file
  kRefused = 4,       ///< the key is missing, unknown or may not do this
  kBusy = 5,          ///< in use, full or not ready; trying again later may help
  kInterrupted = 130  ///< ended by Ctrl-C
};

ExitCode exit_code_of(base::ErrorCode code);

/// Writes "marquee: …" to standard error and gives the exit code that fits.
ExitCode fail(const base::Error& error);

}  // namespace marquee::apps
