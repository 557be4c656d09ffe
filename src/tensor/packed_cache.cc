#include "tensor/packed_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <system_error>
#include <type_traits>
#include <utility>

#include "base/output_file.h"

namespace marquee::tensor {
namespace {

namespace fs = std::filesystem;
using base::Result;

constexpr std::array<char, 8> kMagic = {'M', 'Q', 'P', 'A', 'C', 'K', 'E', 'D'};
/// Grows whenever panels are packed otherwise.
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kAlignment = 64;
constexpr std::uint64_t kMaxEntries = 1 << 20;
constexpr std::size_t kContentDigits = 32;
constexpr const char* kSuffix = ".pack";
/// Copied and hashed at a time by one thread.
constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t reserved;
  std::array<char, 64> content;
  std::array<char, 32> isa;
  std::uint64_t table_offset;
  std::uint64_t entries;
  std::uint64_t table_hash;
  std::uint64_t header_hash;  ///< of all before it
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) == 144);

struct TableRow {
  std::uint64_t dtype;
  std::uint64_t out;
  std::uint64_t in;
  std::uint64_t offset;
  std::uint64_t bytes;
  std::uint64_t hash;
};
static_assert(sizeof(TableRow) == 48);

std::uint64_t hash_of(const void* data, std::size_t bytes) { return XXH3_64bits(data, bytes); }

/// Of a matrix: the hash of its pieces' hashes, so that the pieces can be taken by several threads.
std::uint64_t hash_of_pieces(const std::vector<std::uint64_t>& hashes) {
  return hash_of(hashes.data(), hashes.size() * sizeof(std::uint64_t));
}

std::uint64_t hash_in_pieces(const std::byte* data, std::size_t bytes) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t at = 0; at < bytes; at += kPieceBytes) {
    hashes.push_back(hash_of(data + at, std::min(kPieceBytes, bytes - at)));
  }
  return hash_of_pieces(hashes);
}

template <std::size_t kSize>
std::array<char, kSize> padded(std::string_view text) {
  std::array<char, kSize> field{};
  std::copy_n(text.data(), std::min(text.size(), kSize), field.begin());
  return field;
}

Header header_of(const PackedCacheKey& key) {
  Header header{};
  header.magic = kMagic;
  header.version = kVersion;
  header.content = padded<64>(key.content);
  header.isa = padded<32>(key.isa);
  return header;
}

constexpr std::uint64_t padded_size(std::uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::uint64_t hash_of_header(const Header& header) { return hash_of(&header, offsetof(Header, header_hash)); }

struct OldFile {
  fs::path path;
  fs::file_time_type used;
  std::uint64_t bytes = 0;
};

/// What a process that was killed has left unfinished; another that writes now is younger than an hour.
bool is_leftover(const fs::directory_entry& file) {
  std::error_code error;
  const auto written = file.last_write_time(error);
  return file.path().filename().string().find(std::string(kSuffix) + ".") != std::string::npos && !error &&
         fs::file_time_type::clock::now() - written > std::chrono::hours(1);
}

/// The least recently used go until the rest has at most `most_bytes`; the newest stays.
void prune(const fs::path& folder, const fs::path& newest, std::uint64_t most_bytes) {
  std::vector<OldFile> files;
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code of_file;
    if (is_leftover(*it)) fs::remove(it->path(), of_file);
    if (it->path().extension() != kSuffix || !it->is_regular_file(of_file)) continue;
    OldFile file{it->path(), it->last_write_time(of_file), it->file_size(of_file)};
    if (of_file) continue;
    total += file.bytes;
    if (file.path != newest) files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const OldFile& a, const OldFile& b) { return a.used < b.used; });
  for (const OldFile& file : files) {
    if (total <= most_bytes) return;
    if (fs::remove(file.path, error)) total -= file.bytes;
  }
}

}  // namespace

std::string PackedCacheKey::file_name() const {
  return fmt::format("{}-{}-v{}{}", content.substr(0, kContentDigits), isa, kVersion, kSuffix);
}

base::Error PackedCache::damaged(std::string_view what) const {
  return base::corrupt(fmt::format("{}: {}", path_.string(), what));
}

Result<PackedCache> PackedCache::open(const fs::path& folder, const PackedCacheKey& key) {
  PackedCache cache(folder / key.file_name(), key);
  auto file = base::MappedFile::open(cache.path_);
  if (!file) {
    if (file.error().code == base::ErrorCode::kNotFound) return cache;
    return std::move(file).error();
  }
  cache.file_.emplace(std::move(*file));
  MARQUEE_CHECK(cache.read_table());
  ::utimensat(AT_FDCWD, cache.path_.c_str(), nullptr, 0);  // used now; prune() takes the oldest
  return cache;
}

Result<void> PackedCache::read_table() {
  const auto bytes = file_->bytes();
  if (bytes.size() < kHeaderBytes) return damaged("the file is cut off");
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const Header expected = header_of(key_);
  if (header.header_hash != hash_of_header(header)) return damaged("its header is damaged");
  if (header.magic != expected.magic || header.version != expected.version || header.content != expected.content ||
      header.isa != expected.isa) {
    return damaged("it belongs to another model");
  }
  const std::uint64_t size = bytes.size();
  if (header.entries > kMaxEntries || header.table_offset > size ||
      header.entries * sizeof(TableRow) != size - header.table_offset) {
    return damaged("the file is cut off");
  }
  const std::byte* table = bytes.data() + header.table_offset;
  if (hash_of(table, header.entries * sizeof(TableRow)) != header.table_hash) return damaged("its table is damaged");
  for (std::uint64_t i = 0; i < header.entries; ++i) {
    TableRow row;
    std::memcpy(&row, table + i * sizeof(row), sizeof(row));
    if (row.offset % kAlignment != 0 || row.offset > header.table_offset ||
        row.bytes > header.table_offset - row.offset) {
      return damaged(fmt::format("matrix {} lies outside the file", i));
    }
    entries_.push_back({{static_cast<kernels::DType>(row.dtype), row.out, row.in}, row.offset, row.bytes, row.hash});
  }
  return {};
}

Result<AlignedBuffer> PackedCache::read(const PackedMatrix& matrix, std::size_t bytes, base::ThreadPool& pool) {
  if (next_ >= entries_.size()) return damaged("it has too few matrices");
  const Entry& entry = entries_[next_];
  const bool same =
      entry.matrix.dtype == matrix.dtype && entry.matrix.out == matrix.out && entry.matrix.in == matrix.in;
  if (!same || entry.bytes != bytes) return damaged(fmt::format("matrix {} is another one", next_));
  MARQUEE_ASSIGN(auto buffer, AlignedBuffer::allocate(bytes));
  const std::byte* source = file_->bytes().data() + entry.offset;
  std::vector<std::uint64_t> hashes((bytes + kPieceBytes - 1) / kPieceBytes);
  pool.parallel_for(hashes.size(), [&](std::size_t piece) {
    const std::size_t at = piece * kPieceBytes;
    const std::size_t size = std::min(kPieceBytes, bytes - at);
    std::memcpy(buffer.data() + at, source + at, size);
    hashes[piece] = hash_of(buffer.data() + at, size);
  });
  if (hash_of_pieces(hashes) != entry.hash) return damaged(fmt::format("matrix {} is damaged", next_));
  ++next_;
  return buffer;
}

void PackedCache::add(const PackedMatrix& matrix, AlignedBuffer panels) {
  entries_.push_back({matrix, 0, panels.size(), 0});
  added_.push_back(std::move(panels));
}

std::uint64_t PackedCache::size_on_disk() const {
  std::uint64_t size = kHeaderBytes + entries_.size() * sizeof(TableRow);
  for (const Entry& entry : entries_) size += padded_size(entry.bytes);
  return size;
}

Result<void> PackedCache::write_to(const fs::path& path) const {
  Header header = header_of(key_);
  std::vector<TableRow> table;
  header.table_offset = kHeaderBytes;
  for (const Entry& entry : entries_) {
    table.push_back({static_cast<std::uint64_t>(entry.matrix.dtype), entry.matrix.out, entry.matrix.in,
                     header.table_offset, entry.bytes, hash_in_pieces(added_[table.size()].data(), entry.bytes)});
    header.table_offset += padded_size(entry.bytes);
  }
  header.entries = table.size();
  header.table_hash = hash_of(table.data(), table.size() * sizeof(TableRow));
  header.header_hash = hash_of_header(header);
  std::array<std::byte, kHeaderBytes> first{};
  std::memcpy(first.data(), &header, sizeof(header));
  MARQUEE_ASSIGN(auto file, base::OutputFile::create(path));
  MARQUEE_CHECK(file.write(first));
  const std::array<std::byte, kAlignment> zeros{};
  for (const AlignedBuffer& panels : added_) {
    MARQUEE_CHECK(file.write({panels.data(), panels.size()}));
    MARQUEE_CHECK(file.write(std::span(zeros).first(padded_size(panels.size()) - panels.size())));
  }
  MARQUEE_CHECK(file.write(std::as_bytes(std::span(table))));
  return file.finish();
}

Result<void> PackedCache::write(std::uint64_t most_bytes) const {
  const std::uint64_t size = size_on_disk();
  if (size > most_bytes) return {};
  const fs::path folder = path_.parent_path();
  const fs::path partial = path_.string() + fmt::format(".{}", ::getpid());
  std::error_code error;
  fs::create_directories(folder, error);
  MARQUEE_CHECK(base::check_free_space(folder, size));
  auto written = write_to(partial);
  if (written && ::rename(partial.c_str(), path_.c_str()) != 0) {
    written = base::io_error(fmt::format("{}: cannot put it in place: {}", path_.string(), std::strerror(errno)));
  }
  if (!written) {
    fs::remove(partial, error);
    return written;
  }
  prune(folder, path_, most_bytes);
  return {};
}

void remove_packed_cache(const fs::path& folder, std::string_view content) {
  const std::string prefix = std::string(content.substr(0, kContentDigits)) + "-";
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename().string().starts_with(prefix)) found.push_back(it->path());
  }
  for (const fs::path& path : found) fs::remove(path, error);
}

}  // namespace marquee::tensor
