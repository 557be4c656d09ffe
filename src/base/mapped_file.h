#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace marquee::base {

/// A whole file mapped read-only. Pages are read by the kernel on first use and shared between processes.
class MappedFile {
 public:
  /// @error kNotFound if there is no such file; kIo if it cannot be opened or is not a regular file;
  ///        kCorrupt if it is empty
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Gives back the memory of pages that were read; they are read again when they are used again.
  void release_pages() const;

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size);

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace marquee::base
