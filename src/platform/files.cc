#include "platform/files.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "base/utf8.h"

namespace marquee::platform {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kIdPrefix = "file-";
constexpr std::size_t kIdBytes = 12;
constexpr std::size_t kMaxFilenameBytes = 255;
constexpr std::int32_t kMaxPage = 10'000;
constexpr const char* kColumns = "id, tenant, purpose, filename, format, bytes, sha256, created_unix_s";

std::string new_file_id() {
  std::array<unsigned char, kIdBytes> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 2 * kIdBytes + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  return std::string(kIdPrefix) + hex.data();
}

/// Only what has this form ever becomes part of a path.
bool is_file_id(std::string_view id) {
  return id.size() == kIdPrefix.size() + 2 * kIdBytes && id.starts_with(kIdPrefix) &&
         id.substr(kIdPrefix.size()).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error no_such_file() { return base::not_found("there is no file of this id; GET /v1/files lists them"); }

Error system_error(const std::filesystem::path& path, const char* doing) {
  return base::io_error(path.string() + ": cannot " + doing + ": " + std::strerror(errno));
}

/// The names in a folder are on disk only when the folder is.
Result<void> sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error(folder, "open");
  const bool synced = ::fsync(descriptor) == 0;
  const Error error = system_error(folder, "sync");
  ::close(descriptor);
  return synced ? Result<void>{} : error;
}

Result<FileInfo> read_row(const store::Statement& query) {
  FileInfo file{.id = query.text(0), .tenant = query.text(1), .purpose = query.text(2), .filename = query.text(3)};
  const auto format = parse_file_format(query.text(4));
  if (!format || !is_file_id(file.id) || query.integer(5) < 0) {
    return base::corrupt("database: the record of a file is damaged");
  }
  file.format = *format;
  file.bytes = static_cast<std::uint64_t>(query.integer(5));
  file.sha256 = query.text(6);
  file.created_unix_s = query.integer(7);
  return file;
}

Result<FileInfo> select_file(store::Connection& connection, const std::string& tenant, const std::string& id) {
  MARQUEE_ASSIGN(auto query,
                 connection.prepare(std::string("SELECT ") + kColumns + " FROM files WHERE id=?1 AND tenant=?2"));
  query.bind(id, tenant);
  MARQUEE_ASSIGN(const bool found, query.step());
  if (!found) return no_such_file();
  return read_row(query);
}

Result<std::optional<std::int64_t>> sequence_of(store::Connection& connection, const std::string& tenant,
                                                const std::optional<std::string>& id) {
  if (!id) return std::optional<std::int64_t>();
  MARQUEE_ASSIGN(auto query, connection.prepare("SELECT sequence FROM files WHERE id=?1 AND tenant=?2"));
  query.bind(*id, tenant);
  MARQUEE_ASSIGN(const bool found, query.step());
  if (found) return std::optional<std::int64_t>(query.integer(0));
  return base::invalid_argument("'after' is no file's id; begin again without it", "after");
}

}  // namespace

Result<void> validate_purpose(std::string_view purpose) {
  if (std::find(std::begin(kFilePurposes), std::end(kFilePurposes), purpose) != std::end(kFilePurposes)) return {};
  std::string names;
  for (const std::string_view name : kFilePurposes) names.append(names.empty() ? "'" : ", '").append(name).append("'");
  return base::invalid_argument("'purpose' must be one of " + names, "purpose");
}

Result<std::string> plain_filename(std::string_view name) {
  if (const std::size_t slash = name.find_last_of("/\\"); slash != std::string_view::npos)
    name.remove_prefix(slash + 1);
  const bool printable = std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (name.empty() || name == "." || name == ".." || name.size() > kMaxFilenameBytes || !printable ||
      !base::is_valid_utf8(name)) {
    return base::invalid_argument(
        "'file' needs a file name of 1 to 255 bytes of UTF-8 without control characters: "
        "'Content-Disposition: form-data; name=\"file\"; filename=\"data.jsonl\"'",
        "file");
  }
  return std::string(name);
}

bool is_storage_full(const Error& error) {
  return (error.code == ErrorCode::kIo && error.field == "data") ||
         (error.code == ErrorCode::kResourceExhausted && error.field == "tenant_files");
}

FileUpload::FileUpload(FileService& service, FileInfo info, base::OutputFile file)
    : service_(service), info_(std::move(info)), file_(std::move(file)) {}

FileUpload::~FileUpload() {
  if (committed_) return;
  file_.reset();
  std::error_code ignored;  // what cannot be removed now is swept at the next start
  std::filesystem::remove(service_.partial_path(info_.id), ignored);
  service_.release(info_.tenant, info_.bytes, 1);
}

Result<void> FileUpload::set_name(std::string_view filename) {
  MARQUEE_ASSIGN(info_.filename, plain_filename(filename));
  format_.emplace(info_.filename);
  return {};
}

Result<void> FileUpload::write(std::string_view bytes) {
  if (!format_ || !file_) return Error{ErrorCode::kInternal, "an upload without a name, or after its end"};
  MARQUEE_CHECK(service_.reserve(info_.tenant, bytes.size(), 0));
  info_.bytes += bytes.size();
  MARQUEE_CHECK(format_->update(bytes));
  const auto raw = std::as_bytes(std::span(bytes.data(), bytes.size()));
  sha256_.update(raw);
  auto written = file_->write(raw);
  return written ? Result<void>{} : service_.explain(std::move(written).error());
}

Result<FileInfo> FileUpload::commit(const std::string& purpose) {
  MARQUEE_CHECK(validate_purpose(purpose));
  if (!format_ || !file_) return Error{ErrorCode::kInternal, "an upload without a name, or after its end"};
  MARQUEE_ASSIGN(info_.format, format_->finish());
  info_.purpose = purpose;
  info_.sha256 = sha256_.hex_digest();
  info_.created_unix_s = std::time(nullptr);
  auto stored = store();
  file_.reset();
  if (!stored) return service_.explain(std::move(stored).error());
  committed_ = true;
  return info_;
}

/// Bytes first, then the name, then the record: a crash in between leaves a file that the next start sweeps.
Result<void> FileUpload::store() {
  MARQUEE_CHECK(file_->finish());
  const auto partial = service_.partial_path(info_.id);
  const auto path = service_.path_of(info_);
  if (::rename(partial.c_str(), path.c_str()) != 0) return system_error(partial, "rename");
  auto recorded = sync_folder(service_.folder_);
  if (recorded) recorded = service_.insert(info_);
  if (!recorded) ::unlink(path.c_str());
  return recorded;
}

FileContent::FileContent(FileContent&& other) noexcept
    : info_(std::move(other.info_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

FileContent& FileContent::operator=(FileContent&& other) noexcept {
  std::swap(info_, other.info_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileContent::~FileContent() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> FileContent::read(std::span<char> into) {
  for (;;) {
    const ssize_t size = ::read(descriptor_, into.data(), into.size());
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) return system_error(info_.id, "read");
  }
}

Result<std::unique_ptr<FileService>> FileService::open(store::Database& database, const std::filesystem::path& folder,
                                                       const FileLimits& limits) {
  if (sodium_init() < 0) return Error{ErrorCode::kInternal, "libsodium cannot start"};
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_error(folder, "make the folder");
  std::unique_ptr<FileService> service(new FileService(database, folder, limits));
  MARQUEE_CHECK(service->load_and_sweep());
  return service;
}

Result<void> FileService::load_and_sweep() {
  std::unordered_set<std::string> known;
  MARQUEE_CHECK(database_.read([&](store::Connection& connection) -> Result<void> {
    MARQUEE_ASSIGN(auto query, connection.prepare("SELECT id, tenant, bytes FROM files"));
    for (;;) {
      MARQUEE_ASSIGN(const bool row, query.step());
      if (!row) return {};
      known.insert(query.text(0));
      Held& held = held_[query.text(1)];
      held.bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(query.integer(2), 0));
      ++held.files;
    }
  }));
  std::error_code error;
  std::vector<std::filesystem::path> left;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::string id = name.substr(0, name.find('.'));
    if (is_file_id(id) && (name != id || !known.contains(id))) left.push_back(entry->path());
  }
  if (error) return base::io_error(folder_.string() + ": cannot be read: " + error.message());
  for (const auto& path : left) {
    if (::unlink(path.c_str()) != 0) return system_error(path, "remove");
  }
  if (!left.empty()) spdlog::warn("removed {} uploads that had not been finished", left.size());
  return {};
}

Error FileService::no_room(const std::string& tenant) const {
  return {ErrorCode::kResourceExhausted,
          "the files of tenant '" + tenant + "' may have " + std::to_string(limits_.max_tenant_bytes) + " bytes in " +
              std::to_string(limits_.max_tenant_files) +
              " files ('tenant_files', 'tenant_file_count'); delete some first",
          "tenant_files"};
}

Error FileService::explain(Error error) const {
  if (error.code == ErrorCode::kIo && !base::check_free_space(folder_, 0)) error.field = "data";
  return error;
}

Result<void> FileService::reserve(const std::string& tenant, std::uint64_t bytes, std::int64_t files) {
  const std::lock_guard lock(mutex_);
  Held& held = held_[tenant];
  if (held.files + files > limits_.max_tenant_files || bytes > limits_.max_tenant_bytes ||
      held.bytes > limits_.max_tenant_bytes - bytes) {
    return no_room(tenant);
  }
  held.bytes += bytes;
  held.files += files;
  return {};
}

void FileService::release(const std::string& tenant, std::uint64_t bytes, std::int64_t files) {
  const std::lock_guard lock(mutex_);
  Held& held = held_[tenant];
  held.bytes -= std::min(held.bytes, bytes);
  held.files -= files;
}

Result<void> FileService::check_room(const std::string& tenant, std::uint64_t bytes) const {
  {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(tenant);
    const std::uint64_t held = found == held_.end() ? 0 : found->second.bytes;
    if (bytes > limits_.max_tenant_bytes || held > limits_.max_tenant_bytes - bytes) return no_room(tenant);
  }
  auto fits = base::check_free_space(folder_, bytes);
  if (!fits) fits.error().field = "data";
  return fits;
}

Result<std::unique_ptr<FileUpload>> FileService::begin(const std::string& tenant, std::uint64_t expected_bytes) {
  MARQUEE_CHECK(check_room(tenant, expected_bytes));
  FileInfo info{.id = new_file_id(), .tenant = tenant};
  auto file = base::OutputFile::create(partial_path(info.id));
  if (!file) return explain(std::move(file).error());
  auto reserved = reserve(tenant, 0, 1);
  if (!reserved) {
    ::unlink(file->path().c_str());
    return std::move(reserved).error();
  }
  return std::unique_ptr<FileUpload>(new FileUpload(*this, std::move(info), std::move(*file)));
}

Result<void> FileService::insert(const FileInfo& file) {
  return database_.write_and_wait([&file](store::Connection& connection) -> Result<void> {
    MARQUEE_ASSIGN(auto insert, connection.prepare(std::string("INSERT INTO files (") + kColumns +
                                                   ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
    return insert.execute(file.id, file.tenant, file.purpose, file.filename, to_string(file.format),
                          static_cast<std::int64_t>(file.bytes), file.sha256, file.created_unix_s);
  });
}

Result<FileInfo> FileService::find(const std::string& tenant, const std::string& id) const {
  if (!is_file_id(id)) return no_such_file();
  return database_.read([&](store::Connection& connection) { return select_file(connection, tenant, id); });
}

Result<FilePage> FileService::list(const std::string& tenant, const FileFilter& filter) const {
  if (filter.limit < 1 || filter.limit > kMaxPage) {
    return base::invalid_argument("'limit' must be an integer from 1 to 10000", "limit");
  }
  if (filter.purpose) MARQUEE_CHECK(validate_purpose(*filter.purpose));
  return database_.read([&](store::Connection& connection) -> Result<FilePage> {
    MARQUEE_ASSIGN(const auto after, sequence_of(connection, tenant, filter.after));
    MARQUEE_ASSIGN(auto query,
                   connection.prepare(
                       std::string("SELECT ") + kColumns +
                       " FROM files WHERE tenant=?1 AND (?2 IS NULL OR purpose=?2) AND (?3 IS NULL OR " +
                       (filter.ascending ? "sequence>?3) ORDER BY sequence" : "sequence<?3) ORDER BY sequence DESC") +
                       " LIMIT ?4"));
    query.bind(tenant, filter.purpose, after, static_cast<std::int64_t>(filter.limit) + 1);
    FilePage page;
    for (;;) {
      MARQUEE_ASSIGN(const bool row, query.step());
      if (!row) return page;
      if (page.files.size() == static_cast<std::size_t>(filter.limit)) {
        page.has_more = true;
        return page;
      }
      MARQUEE_ASSIGN(FileInfo file, read_row(query));
      page.files.push_back(std::move(file));
    }
  });
}

Result<FileContent> FileService::open_content(const std::string& tenant, const std::string& id) const {
  MARQUEE_ASSIGN(FileInfo info, find(tenant, id));
  const auto path = path_of(info);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) {
    if (errno != ENOENT) return system_error(path, "open");
    MARQUEE_CHECK(find(tenant, id));  // deleted in this very moment?
    return base::corrupt("the bytes of file '" + id +
                         "' are missing from the data folder; delete it and send it again");
  }
  struct stat state {};
  FileContent content(std::move(info), descriptor);
  if (::fstat(descriptor, &state) != 0) return system_error(path, "look at");
  if (!S_ISREG(state.st_mode) || static_cast<std::uint64_t>(state.st_size) != content.info().bytes) {
    return base::corrupt("the data folder holds something else than was sent as file '" + id +
                         "'; delete it and send it again");
  }
  return content;
}

Result<FileInfo> FileService::remove(const std::string& tenant, const std::string& id) {
  if (!is_file_id(id)) return no_such_file();
  FileInfo info;
  // The record first: a crash in between leaves bytes without a record, which the next start sweeps.
  MARQUEE_CHECK(database_.write_and_wait([&](store::Connection& connection) -> Result<void> {
    MARQUEE_ASSIGN(info, select_file(connection, tenant, id));
    MARQUEE_ASSIGN(auto remove, connection.prepare("DELETE FROM files WHERE id=?1 AND tenant=?2"));
    return remove.execute(id, tenant);
  }));
  const auto path = path_of(info);
  release(info.tenant, info.bytes, 1);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    spdlog::warn("{}: cannot be removed: {}; the next start tries again", path.string(), std::strerror(errno));
  }
  return info;
}

}  // namespace marquee::platform
