#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace marquee::base {

/// A file being written, whose every failure (a full disk above all) is an error that says so.
class OutputFile {
 public:
  /// A new, empty file in place of what `path` named; a symbolic link there is replaced, not followed.
  /// @error kIo, also for a device or a folder, which stay
  static Result<OutputFile> create(const std::filesystem::path& path);
  /// The file as it is, to be written on at its end; made if missing. @error kIo
  static Result<OutputFile> append(const std::filesystem::path& path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// @error kIo
  Result<void> write(std::span<const std::byte> bytes);
  /// Empties the file. @error kIo
  Result<void> restart();
  /// Brings everything to the disk and closes. @error kIo
  Result<void> finish();
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  OutputFile(std::filesystem::path path, int fd, std::uint64_t size) : path_(std::move(path)), fd_(fd), size_(size) {}
  [[nodiscard]] Error error(const char* action, int number) const;

  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

/// Brings the names in a folder to the disk: what was made, renamed or removed there. @error kIo
Result<void> sync_folder(const std::filesystem::path& folder);

/// @error kIo if the file system of `folder` has less than `bytes` left (and a little over)
Result<void> check_free_space(const std::filesystem::path& folder, std::uint64_t bytes);

}  // namespace marquee::base
