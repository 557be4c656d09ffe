#include "base/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace marquee::base {

namespace {

// Room for the manifest and for what else shares the disk.
constexpr std::uint64_t kSpareBytes = 1 << 20;

Error failure(const std::filesystem::path& path, const char* action, int number) {
  const char* hint = number == ENOSPC || number == EDQUOT ? "; free some disk space and try again" : "";
  return io_error(path.string() + ": cannot " + action + ": " + std::strerror(number) + hint);
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) {
    return io_error(path.string() + ": is no regular file, and is not replaced by one");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failure(path, "replace", errno);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return failure(path, "create", errno);
  return OutputFile(path, fd, 0);
}

Result<OutputFile> OutputFile::append(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return failure(path, "open", errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return io_error(path.string() + ": not a regular file");
  }
  return OutputFile(path, fd, static_cast<std::uint64_t>(info.st_size));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) ::close(fd_);
}

Error OutputFile::error(const char* action, int number) const { return failure(path_, action, number); }

Result<void> OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return error("write", errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<void> OutputFile::restart() {
  if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) < 0) return error("empty", errno);
  size_ = 0;
  return {};
}

Result<void> OutputFile::finish() {
  const int sync_status = ::fsync(fd_);
  const int sync_errno = errno;
  const int close_status = ::close(std::exchange(fd_, -1));
  if (sync_status != 0 && sync_errno != EINVAL) return error("write", sync_errno);
  if (close_status != 0) return error("write", errno);
  return {};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failure(folder, "open", errno);
  const int status = ::fsync(fd);
  const int number = errno;
  ::close(fd);
  if (status != 0 && number != EINVAL) return failure(folder, "sync", number);  // EINVAL: no such thing here
  return {};
}

Result<void> check_free_space(const std::filesystem::path& folder, std::uint64_t bytes) {
  struct statvfs info {};
  if (::statvfs(folder.c_str(), &info) != 0) return failure(folder, "ask for free space", errno);
  const std::uint64_t free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  if (free_bytes < kSpareBytes || free_bytes - kSpareBytes < bytes) {
    return io_error(folder.string() + ": the disk is too full: " + std::to_string(bytes) + " bytes are needed, " +
                    std::to_string(free_bytes) + " are free");
  }
  return {};
}

}  // namespace marquee::base
