#pragma once

#include <filesystem>

#include "base/result.h"

namespace marquee::formats {

/// The kUnsupported error for a file of pickled weights, which would run its author's code when read; tells how to
/// convert it.
base::Error pickle_refused(const std::filesystem::path& path);

/// Whether a file's name says that it holds pickled weights (.bin, .pt, .pth, .ckpt, .pkl).
bool has_pickle_name(const std::filesystem::path& path);

}  // namespace marquee::formats
