#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace marquee::formats {

/// A regular file's whole text. @error kNotFound, kIo; kTooLarge if it has more than `max_bytes`
base::Result<std::string> read_small_file(const std::filesystem::path& path, std::size_t max_bytes);

/// base::parse_json with the errors of a file: kCorrupt. @param path names it in errors
base::Result<base::json::value> parse_json_file(std::string_view text, const std::filesystem::path& path);

/// A model's folder may come from a stranger, whose links could lead anywhere.
/// @error kUnsupported if `path` is a symbolic link, saying how to copy the folder without
base::Result<void> refuse_symlink(const std::filesystem::path& path);

}  // namespace marquee::formats
