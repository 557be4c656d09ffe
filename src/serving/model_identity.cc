#include "serving/model_identity.h"

#include <sys/stat.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/sha256.h"

namespace marquee::serving {

namespace fs = std::filesystem;

ModelIdentity::ModelIdentity(fs::path path) : path_(std::move(path)), files_(note_files(path_)) {}

std::vector<ModelIdentity::FileNote> ModelIdentity::note_files(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> paths;
  if (fs::is_directory(path, error)) {
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      std::error_code of_file;
      if (it->is_regular_file(of_file)) paths.push_back(it->path());
    }
    std::sort(paths.begin(), paths.end());
  } else {
    paths.push_back(path);
  }
  std::vector<FileNote> files;
  for (const fs::path& one : paths) {
    struct stat status {};
    if (::stat(one.c_str(), &status) != 0) continue;
    files.push_back({one, status.st_ino, status.st_size,
                     std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec});
  }
  return files;
}

base::Result<std::string> ModelIdentity::sha256() {
  const std::lock_guard lock(mutex_);
  if (!sha256_.empty()) return sha256_;
  std::string all;
  for (const FileNote& file : files_) {
    MARQUEE_ASSIGN(const std::string of_file, base::sha256_file(file.path));
    all += file.path.filename().string() + " " + of_file + "\n";
  }
  if (files_.empty() || note_files(path_) != files_) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       path_.string() +
                           ": the model's files have changed since it was loaded; unload it, and load it "
                           "again"};
  }
  // One file's name does not matter, it may be installed under another.
  if (files_.size() == 1) {
    sha256_ = all.substr(all.size() - 65, 64);
  } else {
    sha256_ = base::sha256_hex(all);
  }
  return sha256_;
}

}  // namespace marquee::serving
