#pragma once

#include <filesystem>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace marquee::train {

/// A text that appears under its name whole and on the disk, or not at all. @error kIo
base::Result<void> write_whole_file(const std::filesystem::path& path, std::string_view text);

/// JSON has no infinity.
base::json::value finite_or_null(double value);

}  // namespace marquee::train
