#include "serving/model_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/sha256.h"
#include "serving/manifest.h"

namespace marquee::serving {

using base::Error;
using base::ErrorCode;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPartialFolder = ".partial";
constexpr const char* kTrashFolder = ".trash";
constexpr auto kKeepPartialFor = std::chrono::hours(24 * 7);

Error io_failure(const fs::path& path, const char* action, int number) {
  const char* hint = number == ENOSPC ? "; free some disk space and try again" : "";
  return base::io_error(path.string() + ": cannot " + action + ": " + std::strerror(number) + hint);
}

Result<void> make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return io_failure(path, "make the folder", error.value());
  return {};
}

Error bad_name(std::string_view name) {
  std::string shown(name.substr(0, 80));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return base::invalid_argument(
      "'" + shown + "' is no model name: 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit", "name");
}

/// Makes what was written survive a power cut.
Result<void> sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_failure(path, "open", errno);
  const int status = ::fsync(fd);
  const int number = errno;
  ::close(fd);
  if (status != 0 && number != EINVAL) return io_failure(path, "sync", number);
  return {};
}

/// Locks `path`, a file made if missing. @return the descriptor, or -1 if someone else holds it
Result<int> try_lock(const fs::path& path) {
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return io_failure(path, "open the lock", errno);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int number = errno;
      ::close(fd);
      if (number == EWOULDBLOCK) return -1;
      return io_failure(path, "lock", number);
    }
    struct stat held {};
    struct stat named {};
    // Whoever held it may have removed the file meanwhile: a lock on a file without a name protects nothing.
    if (::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino) return fd;
    ::close(fd);
  }
}

}  // namespace

bool is_model_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 64 && alphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '/' && c != '\\'; });
}

fs::path InstalledModel::path() const {
  return format == ModelFormat::kGguf && !files.empty() ? folder / files.front().name : folder;
}

std::uint64_t InstalledModel::bytes() const {
  std::uint64_t total = 0;
  for (const auto& file : files) total += file.bytes;
  return total;
}

std::string InstalledModel::content_key() const {
  std::string text;
  for (const InstalledFile& file : files) {
    struct stat status {};
    if (::stat((folder / file.name).c_str(), &status) != 0) return "";
    text += fmt::format("{} {} {} {}.{:09}\n", file.name, file.sha256, status.st_size, status.st_mtim.tv_sec,
                        status.st_mtim.tv_nsec);
  }
  return base::sha256_hex(text);
}

Staging::~Staging() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}
Staging::Staging(Staging&& other) noexcept
    : root_(std::move(other.root_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}
Staging& Staging::operator=(Staging&& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(lock_fd_, other.lock_fd_);
  return *this;
}

Result<ModelStore> ModelStore::open(const fs::path& data_folder) {
  ModelStore store(data_folder / "models");
  MARQUEE_CHECK(make_folders(store.folder_));
  store.clear_leftovers();
  return store;
}

void ModelStore::clear_leftovers() const {
  std::error_code ignored;
  fs::remove_all(folder_ / kTrashFolder, ignored);
  const auto oldest = fs::file_time_type::clock::now() - kKeepPartialFor;
  for (fs::directory_iterator it(folder_ / kPartialFolder, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    std::error_code error;
    if (it->path().extension() == ".lock" || it->last_write_time(error) > oldest || error) continue;
    fs::path lock_path = it->path();
    lock_path += ".lock";
    const auto lock = try_lock(lock_path);
    if (!lock || *lock < 0) continue;
    spdlog::info("removing an unfinished download that is older than a week: {}", it->path().filename().string());
    fs::remove_all(it->path(), error);
    fs::remove(lock_path, error);
    ::close(*lock);
  }
}

Result<ModelStore::Listing> ModelStore::list() const {
  Listing listing;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (name.starts_with('.')) continue;
    if (auto model = find(name)) {
      listing.models.push_back(std::move(model).value());
    } else {
      listing.broken.push_back(std::move(model).error().message);
    }
  }
  if (error) return io_failure(folder_, "list", error.value());
  std::sort(listing.models.begin(), listing.models.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::sort(listing.broken.begin(), listing.broken.end());
  return listing;
}

Result<InstalledModel> ModelStore::find(std::string_view name) const {
  if (!is_model_name(name)) return bad_name(name);
  const auto folder = folder_ / name;
  std::error_code ignored;
  const auto status = fs::symlink_status(folder, ignored);
  if (!fs::exists(status)) {
    return base::not_found("model '" + std::string(name) + "' is not installed; see: marquee list, marquee pull");
  }
  if (!fs::is_directory(status)) return base::corrupt(folder.string() + ": not a folder");
  MARQUEE_ASSIGN(auto model, read_manifest(folder));
  if (model.name != name) return base::corrupt(folder.string() + ": the manifest is of model '" + model.name + "'");
  for (const auto& file : model.files) {
    const auto path = folder / file.name;
    std::error_code error;
    if (!fs::is_regular_file(fs::symlink_status(path, error)) || fs::file_size(path, error) != file.bytes || error) {
      return base::corrupt(path.string() + ": missing or not of the size that the manifest says (" +
                           std::to_string(file.bytes) + " bytes); pull the model again");
    }
  }
  return model;
}

Result<void> ModelStore::verify(const InstalledModel& model) const {
  for (const auto& file : model.files) {
    const auto path = model.folder / file.name;
    MARQUEE_ASSIGN(const auto digest, base::sha256_file(path));
    if (digest != file.sha256) {
      return base::corrupt(path.string() + ": its SHA-256 is " + digest + ", the manifest says " + file.sha256);
    }
  }
  return {};
}

fs::path ModelStore::trash_path(std::string_view name) const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return folder_ / kTrashFolder / (std::string(name) + "-" + std::to_string(::getpid()) + "-" + std::to_string(now));
}

Result<void> ModelStore::remove(std::string_view name) {
  if (!is_model_name(name)) return bad_name(name);
  const auto folder = folder_ / name;
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) {
    return base::not_found("model '" + std::string(name) + "' is not installed; see: marquee list");
  }
  MARQUEE_CHECK(make_folders(folder_ / kTrashFolder));
  const auto trash = trash_path(name);
  if (::rename(folder.c_str(), trash.c_str()) != 0) return io_failure(folder, "remove", errno);
  fs::remove_all(trash, error);  // what a crash leaves here, the next open() clears
  return {};
}

Result<Staging> ModelStore::stage(std::string_view name) {
  if (!is_model_name(name)) return bad_name(name);
  const auto partial = folder_ / kPartialFolder;
  MARQUEE_CHECK(make_folders(partial));
  MARQUEE_ASSIGN(const int lock, try_lock(partial / (std::string(name) + ".lock")));
  if (lock < 0) {
    return Error{ErrorCode::kFailedPrecondition, "another pull of model '" + std::string(name) + "' is running"};
  }
  Staging staging(partial / name, lock);
  std::error_code error;
  fs::remove_all(staging.files(), error);
  if (error) return io_failure(staging.files(), "clear", error.value());
  MARQUEE_CHECK(make_folders(staging.files()));
  MARQUEE_CHECK(make_folders(staging.downloads()));
  return staging;
}

Result<InstalledModel> ModelStore::install(Staging staging, InstalledModel model) {
  if (!is_model_name(model.name)) return bad_name(model.name);
  const auto from = staging.files();
  const auto to = folder_ / model.name;
  model.folder = to;
  MARQUEE_CHECK(write_manifest(from, model));
  for (const auto& file : model.files) MARQUEE_CHECK(sync_path(from / file.name));
  MARQUEE_CHECK(sync_path(from));
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
    // Something is there: swap, so that at every moment the name leads to a whole model. The old one goes with the
    // staging.
    if (errno != EEXIST) return io_failure(to, "install", errno);
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0) {
      return io_failure(to, "install", errno);
    }
  }
  MARQUEE_CHECK(sync_path(folder_));
  discard(std::move(staging));
  return model;
}

void ModelStore::discard(Staging staging) {
  std::error_code ignored;
  fs::remove_all(staging.root_, ignored);
  fs::path lock_path = staging.root_;
  lock_path += ".lock";
  fs::remove(lock_path, ignored);
}

}  // namespace marquee::serving
