#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"

namespace marquee::serving {

/// What tells a model's weights from another's, for files that hold what was computed with them. Thread-safe.
class ModelIdentity {
 public:
  /// Notes the model's files as they are now: call it before they are loaded.
  explicit ModelIdentity(std::filesystem::path path);

  /// SHA-256 of the file, or of the names and the SHA-256 of a folder's files. Read at the first call, then remembered.
  /// @error kFailedPrecondition if the files have changed since they were noted; kIo, kNotFound
  base::Result<std::string> sha256();

 private:
  struct FileNote {
    std::filesystem::path path;
    std::uint64_t inode = 0;
    std::int64_t bytes = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const FileNote&) const = default;
  };
  static std::vector<FileNote> note_files(const std::filesystem::path& path);

  const std::filesystem::path path_;
  const std::vector<FileNote> files_;
  std::mutex mutex_;
  std::string sha256_;
};

}  // namespace marquee::serving
