#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace marquee::store {

/// The right to write a data folder: one process at a time, held as long as this lives and given back by the kernel
/// when the process ends in whatever way.
class DataFolderLock {
 public:
  /// Makes the folder (0700) if it is missing and takes its lock.
  /// @return nothing if another process holds it
  /// @error kIo
  static base::Result<std::optional<DataFolderLock>> try_acquire(const std::filesystem::path& folder);

  DataFolderLock(DataFolderLock&& other) noexcept;
  DataFolderLock& operator=(DataFolderLock&& other) noexcept;
  DataFolderLock(const DataFolderLock&) = delete;
  DataFolderLock& operator=(const DataFolderLock&) = delete;
  ~DataFolderLock();

 private:
  explicit DataFolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// The process that holds the folder's lock, if one does.
std::optional<int> lock_holder(const std::filesystem::path& folder);

/// Writes a file that only its owner may read (0600) so that after a crash either the old or the new content is there.
/// @error kIo
base::Result<void> write_private_file(const std::filesystem::path& path, std::string_view content);

}  // namespace marquee::store
