#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <type_traits>

#include "base/result.h"

namespace marquee::text::words {

/// Disk space for what does not fit into memory. The file has no name, so that nothing is left of it however the
/// process ends. Writing is for one thread at a time; reading for any number.
class ScratchFile {
 public:
  /// @error kIo if the folder is not there or cannot be written to
  static base::Result<ScratchFile> create(const std::filesystem::path& folder);
  ScratchFile(ScratchFile&& other) noexcept;
  ScratchFile& operator=(ScratchFile&& other) noexcept;
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// @error kIo, with what to do if the disk is full
  base::Result<void> append(std::span<const std::byte> bytes);
  template <typename T>
  base::Result<void> append(std::span<const T> values) requires std::is_trivially_copyable_v<T> {
    return append(std::as_bytes(values));
  }
  /// @param offset in bytes; offset + bytes.size() at most size()  @error kIo
  base::Result<void> read(std::uint64_t offset, std::span<std::byte> bytes) const;
  template <typename T>
  base::Result<void> read(std::uint64_t offset, std::span<T> values) const requires std::is_trivially_copyable_v<T> {
    return read(offset, std::as_writable_bytes(values));
  }

 private:
  ScratchFile(std::filesystem::path folder, int fd) : folder_(std::move(folder)), fd_(fd) {}

  std::filesystem::path folder_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace marquee::text::words
