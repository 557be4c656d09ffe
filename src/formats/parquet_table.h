#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "formats/table.h"

namespace marquee::formats {

/// A Parquet file of texts, numbers, booleans and lists of texts (and dictionaries of texts), some rows at a time.
/// Columns of other types may be there as long as they are not wanted.
/// @error kUnsupported if this program was built without Arrow, or naming the column and its type; kNotFound, kIo,
///        kCorrupt naming the file; kTooLarge
/// @source https://parquet.apache.org/docs/file-format
base::Result<std::unique_ptr<TableReader>> open_parquet(const std::filesystem::path& path,
                                                        const TableSettings& settings);

}  // namespace marquee::formats
