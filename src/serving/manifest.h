#pragma once

#include <filesystem>

#include "base/result.h"
#include "serving/model_store.h"

namespace marquee::serving {

/// Reads <folder>/manifest.json; `folder` of the result is set. @error kCorrupt naming the field
base::Result<InstalledModel> read_manifest(const std::filesystem::path& folder);

/// Writes <folder>/manifest.json through to the disk. @error kIo
base::Result<void> write_manifest(const std::filesystem::path& folder, const InstalledModel& model);

}  // namespace marquee::serving
