#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/output_file.h"
#include "base/result.h"
#include "base/sha256.h"
#include "platform/file_format.h"
#include "store/database.h"

namespace marquee::platform {

struct FileInfo {
  std::string id;  ///< "file-" and 24 hexadecimal digits, random
  std::string tenant;
  std::string purpose = {};   ///< one of kFilePurposes
  std::string filename = {};  ///< as the client calls it, without a path; never a name on this disk
  FileFormat format = FileFormat::kText;
  std::uint64_t bytes = 0;
  std::string sha256 = {};  ///< 64 lower-case hexadecimal digits
  std::int64_t created_unix_s = 0;
};

/// What a file may be for: OpenAI's names, of those that have a meaning here.
inline constexpr std::string_view kFilePurposes[] = {"fine-tune", "evals", "user_data"};

/// @error kInvalidArgument, field "purpose", naming those there are
base::Result<void> validate_purpose(std::string_view purpose);

/// The last part of a name that may hold a path, of / or \.
/// @error kInvalidArgument, field "file": not 1 to 255 bytes of UTF-8 without control characters, or "." or ".."
base::Result<std::string> plain_filename(std::string_view name);

/// Whether an error of the below says that there is no room: on the disk (kIo, field "data": the setting that names the
/// folder), or in the tenant's share (kResourceExhausted, field "tenant_files").
bool is_storage_full(const base::Error& error);

struct FileLimits {
  std::uint64_t max_tenant_bytes = std::uint64_t{10} << 30;
  std::int64_t max_tenant_files = 10'000;
};

/// What to list. Files come newest first unless `ascending`.
struct FileFilter {
  std::optional<std::string> purpose = {};
  std::optional<std::string> after = {};  ///< the id of the last file of the page before
  bool ascending = false;
  std::int32_t limit = 10'000;  ///< 1..10,000
};

struct FilePage {
  std::vector<FileInfo> files;
  bool has_more = false;
};

class FileService;

/// A file on its way in: its bytes go to a partial file, which goes away with this unless commit() succeeded. Used by
/// one thread at a time; must not outlive its service.
class FileUpload {
 public:
  ~FileUpload();
  FileUpload(const FileUpload&) = delete;
  FileUpload& operator=(const FileUpload&) = delete;

  /// Before the first write(). @error as plain_filename()
  base::Result<void> set_name(std::string_view filename);
  /// @error kInvalidArgument, field "file" (see FormatCheck); is_storage_full(); kIo
  base::Result<void> write(std::string_view bytes);
  /// Returns when bytes and record are on disk: from then on no crash loses the file. Blocks.
  /// @error as write(), and as validate_purpose()
  base::Result<FileInfo> commit(const std::string& purpose);
  [[nodiscard]] std::uint64_t bytes() const { return info_.bytes; }

 private:
  friend class FileService;
  FileUpload(FileService& service, FileInfo info, base::OutputFile file);
  base::Result<void> store();

  FileService& service_;
  FileInfo info_;
  std::optional<base::OutputFile> file_;
  std::optional<FormatCheck> format_;
  base::Sha256 sha256_;
  bool committed_ = false;
};

/// A stored file being read. It stays whole even if the file is deleted meanwhile.
class FileContent {
 public:
  FileContent(FileInfo info, int descriptor) : info_(std::move(info)), descriptor_(descriptor) {}
  FileContent(FileContent&& other) noexcept;
  FileContent& operator=(FileContent&& other) noexcept;
  FileContent(const FileContent&) = delete;
  FileContent& operator=(const FileContent&) = delete;
  ~FileContent();

  [[nodiscard]] const FileInfo& info() const { return info_; }
  /// Reads on. @return how many bytes; 0 at the end @error kIo
  base::Result<std::size_t> read(std::span<char> into);

 private:
  FileInfo info_;
  int descriptor_;
};

/// The files that tenants have sent: bytes in a folder, one file an id; records in the database. Nobody but its tenant
/// sees a file. Safe to use from many threads.
class FileService {
 public:
  /// Makes the folder (0700) if it is missing and removes what a crash has left in it: partial files, and files that
  /// have no record. Hold the data folder's lock.
  /// @error kIo, kCorrupt
  static base::Result<std::unique_ptr<FileService>> open(store::Database& database, const std::filesystem::path& folder,
                                                         const FileLimits& limits = {});

  /// Begins an upload. @param expected_bytes about how many will come; 0 if that is not known
  /// @error is_storage_full() if they cannot fit; kIo
  base::Result<std::unique_ptr<FileUpload>> begin(const std::string& tenant, std::uint64_t expected_bytes);
  /// @error kNotFound, also for another tenant's file; kIo
  [[nodiscard]] base::Result<FileInfo> find(const std::string& tenant, const std::string& id) const;
  /// @error kInvalidArgument with `field` named (limit, after, purpose); kIo
  [[nodiscard]] base::Result<FilePage> list(const std::string& tenant, const FileFilter& filter) const;
  /// The bytes. @error kNotFound; kCorrupt if the disk holds something else than was sent; kIo
  [[nodiscard]] base::Result<FileContent> open_content(const std::string& tenant, const std::string& id) const;
  /// Returns when it is gone for good. @error kNotFound, kIo
  base::Result<FileInfo> remove(const std::string& tenant, const std::string& id);
  /// Where the bytes of a file that find() gave are, for whoever reads them in place (a training job). They may be
  /// deleted at any time: open it once and keep it open.
  [[nodiscard]] std::filesystem::path path_of(const FileInfo& file) const { return folder_ / file.id; }

 private:
  friend class FileUpload;
  /// Stored and on their way.
  struct Held {
    std::uint64_t bytes = 0;
    std::int64_t files = 0;
  };
  FileService(store::Database& database, std::filesystem::path folder, const FileLimits& limits)
      : database_(database), folder_(std::move(folder)), limits_(limits) {}
  base::Result<void> load_and_sweep();
  base::Result<void> reserve(const std::string& tenant, std::uint64_t bytes, std::int64_t files);
  void release(const std::string& tenant, std::uint64_t bytes, std::int64_t files);
  /// Says of an error of the operating system whether it came of a full disk.
  [[nodiscard]] base::Error explain(base::Error error) const;
  base::Result<void> check_room(const std::string& tenant, std::uint64_t bytes) const;
  base::Result<void> insert(const FileInfo& file);
  [[nodiscard]] base::Error no_room(const std::string& tenant) const;
  [[nodiscard]] std::filesystem::path partial_path(const std::string& id) const { return folder_ / (id + ".partial"); }

  store::Database& database_;
  const std::filesystem::path folder_;
  const FileLimits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Held> held_;  ///< by tenant
};

}  // namespace marquee::platform
