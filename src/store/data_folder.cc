#include "store/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace marquee::store {
namespace {

std::filesystem::path lock_path(const std::filesystem::path& folder) { return folder / "marquee.lock"; }

base::Error system_error(const std::string& doing) { return base::io_error(doing + ": " + std::strerror(errno)); }

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

base::Result<void> write_all(int descriptor, std::string_view content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("cannot write " + name);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

base::Result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  if (folder.has_parent_path()) {
    std::filesystem::create_directories(folder.parent_path(), error);
    if (error) return base::io_error("cannot make " + folder.parent_path().string() + ": " + error.message());
  }
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_error("cannot make " + folder.string());
  if (!std::filesystem::is_directory(folder, error)) return base::io_error(folder.string() + " is not a folder");
  return {};
}

}  // namespace

base::Result<std::optional<DataFolderLock>> DataFolderLock::try_acquire(const std::filesystem::path& folder) {
  MARQUEE_CHECK(make_folder(folder));
  const auto path = lock_path(folder);
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return system_error("cannot open " + path.string());
  for (int tries_left = 5; ::flock(file.get(), LOCK_EX | LOCK_NB) != 0; --tries_left) {
    if (errno != EWOULDBLOCK) return system_error("cannot lock " + path.string());
    if (tries_left == 0) return std::optional<DataFolderLock>();
    // lock_holder() of another process holds the lock for an instant when it is free.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  // The number is for people and `doctor`; the lock itself is the kernel's, so a full disk here does not matter.
  if (::ftruncate(file.get(), 0) == 0) (void)write_all(file.get(), std::to_string(::getpid()) + "\n", path.string());
  return std::optional<DataFolderLock>(DataFolderLock(file.release()));
}

DataFolderLock::DataFolderLock(DataFolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

DataFolderLock& DataFolderLock::operator=(DataFolderLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DataFolderLock::~DataFolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<int> lock_holder(const std::filesystem::path& folder) {
  const Descriptor file(::open(lock_path(folder).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0 || ::flock(file.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return std::nullopt;
  std::array<char, 32> text{};
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  int holder = 0;
  if (size > 0) std::from_chars(text.data(), text.data() + size, holder);
  return holder;
}

base::Result<void> write_private_file(const std::filesystem::path& path, std::string_view content) {
  std::string name = path.string() + ".XXXXXX";
  Descriptor file(::mkostemp(name.data(), O_CLOEXEC));  // O_EXCL and 0600
  if (file.get() < 0) return system_error("cannot make a file beside " + path.string());
  auto written = write_all(file.get(), content, name);
  if (written && (::fchmod(file.get(), 0600) != 0 || ::fsync(file.get()) != 0)) {
    written = system_error("cannot write " + name);
  }
  if (written && ::rename(name.c_str(), path.c_str()) != 0) written = system_error("cannot write " + path.string());
  if (!written) {
    ::unlink(name.c_str());
    return written;
  }
  // The name itself is on disk only when its folder is.
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0 || ::fsync(parent.get()) != 0) return system_error("cannot sync " + folder.string());
  return {};
}

}  // namespace marquee::store
