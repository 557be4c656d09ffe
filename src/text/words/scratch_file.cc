#include "text/words/scratch_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace marquee::text::words {

namespace {

base::Error scratch_error(const std::filesystem::path& folder, const char* action, int number) {
  const char* hint =
      number == ENOSPC || number == EDQUOT ? "; free some disk space or name another scratch folder" : "";
  return base::io_error("cannot " + std::string(action) + " a scratch file in " + folder.string() + ": " +
                        std::strerror(number) + hint);
}

}  // namespace

base::Result<ScratchFile> ScratchFile::create(const std::filesystem::path& folder) {
  std::string path = (folder / "marquee-words-XXXXXX").string();
  const int fd = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) return scratch_error(folder, "create", errno);
  ::unlink(path.c_str());
  return ScratchFile(folder, fd);
}

ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : folder_(std::move(other.folder_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

ScratchFile& ScratchFile::operator=(ScratchFile&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

ScratchFile::~ScratchFile() {
  if (fd_ >= 0) ::close(fd_);
}

base::Result<void> ScratchFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0) {
      if (errno == EINTR) continue;
      return scratch_error(folder_, "write", errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
  return {};
}

base::Result<void> ScratchFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const auto got = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return scratch_error(folder_, "read", got < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace marquee::text::words
