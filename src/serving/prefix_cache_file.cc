#include "serving/prefix_cache_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace marquee::serving {

using base::Result;

namespace {

static_assert(std::endian::native == std::endian::little, "saved caches are little-endian");

constexpr std::string_view kMagic = "MQKVSAVE";
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kHashLetters = 64;
constexpr std::size_t kTenantBytes = 64;

/// As it stands at the beginning of the file.
struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t page_tokens;
  std::int32_t layers;
  std::int32_t kv_heads;
  std::int32_t head_dim;
  std::int32_t context_length;
  std::uint64_t page_bytes;
  std::array<char, 8> type;         ///< of the elements, by name, zeroes after it
  std::array<char, 8> activations;  ///< "int8" or "int16", zeroes after it
  std::array<char, kHashLetters> weights_sha256;
  std::array<char, kTenantBytes> tenant;  ///< zeroes after it
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) == 184);

/// Before each page's contents.
struct Record {
  std::int32_t parent;
  PageTokens tokens;
};
static_assert(std::is_trivially_copyable_v<Record> && sizeof(Record) == 4 + 4 * std::size_t{tensor::kKvPageTokens});

template <std::size_t kSize>
std::array<char, kSize> padded(std::string_view text) {
  std::array<char, kSize> bytes{};
  std::copy_n(text.begin(), std::min(text.size(), kSize), bytes.begin());
  return bytes;
}

Header header_of(const CacheFit& fit) {
  Header header{};
  header.magic = padded<8>(kMagic);
  header.version = kVersion;
  header.page_tokens = static_cast<std::uint32_t>(tensor::kKvPageTokens);
  header.layers = fit.layout.layers;
  header.kv_heads = fit.layout.kv_heads;
  header.head_dim = fit.layout.head_dim;
  header.context_length = fit.context_length;
  header.page_bytes = fit.layout.page_bytes();
  header.type = padded<8>(kernels::dtype_info(fit.layout.dtype).name);
  header.activations = padded<8>(fit.activations == tensor::ActivationType::kInt16 ? "int16" : "int8");
  header.weights_sha256 = padded<kHashLetters>(fit.weights_sha256);
  header.tenant = padded<kTenantBytes>(fit.tenant);
  return header;
}

template <typename Value>
std::span<const std::byte> bytes_of(const Value& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// Why a file with this header is of no use here. Its checksum is right, so this is no damage.
Result<void> check_header(const Header& header, const CacheFit& fit, std::string_view name) {
  const Header wanted = header_of(fit);
  const auto other = [&](std::string_view what) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       fmt::format("{}: saved {}; save the cache anew", name, what)};
  };
  if (header.version != wanted.version) return other("by another version of this program");
  if (header.tenant != wanted.tenant) return other("for another tenant");
  if (header.weights_sha256 != wanted.weights_sha256) return other("from other model files");
  if (header.context_length != wanted.context_length) {
    return other(fmt::format("with a context of {} tokens, not {}", header.context_length, wanted.context_length));
  }
  const bool same_layout = header.page_tokens == wanted.page_tokens && header.layers == wanted.layers &&
                           header.kv_heads == wanted.kv_heads && header.head_dim == wanted.head_dim &&
                           header.type == wanted.type && header.page_bytes == wanted.page_bytes;
  if (header.activations != wanted.activations) return other("with other activations (int8 or int16)");
  if (!same_layout) return other("with another layout of the key-value cache");
  return {};
}

std::filesystem::path unfinished(const std::filesystem::path& path) {
  return path.parent_path() / ("." + path.filename().string() + ".partial");
}

base::Error io_failure(const std::filesystem::path& path, const char* action) {
  return base::io_error(fmt::format("{}: cannot {}: {}", path.string(), action, std::strerror(errno)));
}

}  // namespace

Result<CacheFileWriter> CacheFileWriter::create(const std::filesystem::path& path, const CacheFit& fit) {
  MARQUEE_ASSIGN(base::OutputFile file, base::OutputFile::create(unfinished(path)));
  CacheFileWriter writer(path, std::move(file));
  MARQUEE_CHECK(writer.write(bytes_of(header_of(fit))));
  return writer;
}

Result<void> CacheFileWriter::write(std::span<const std::byte> bytes) {
  sum_.update(bytes);
  return file_.write(bytes);
}

Result<void> CacheFileWriter::add(std::int32_t parent, const PageTokens& tokens, std::span<const std::byte> contents) {
  MARQUEE_CHECK(write(bytes_of(Record{parent, tokens})));
  return write(contents);
}

Result<std::uint64_t> CacheFileWriter::finish() {
  const std::string digest = sum_.hex_digest();
  MARQUEE_CHECK(file_.write(std::as_bytes(std::span(digest))));
  const std::uint64_t bytes = file_.size();
  MARQUEE_CHECK(file_.finish());
  if (std::rename(file_.path().c_str(), path_.c_str()) != 0) return io_failure(path_, "rename the finished file");
  const int folder = ::open(path_.parent_path().c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (folder < 0) return io_failure(path_.parent_path(), "open");
  const int status = ::fsync(folder);
  ::close(folder);
  if (status != 0 && errno != EINVAL) return io_failure(path_.parent_path(), "sync");
  return bytes;
}

void CacheFileWriter::discard(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove(unfinished(path), ignored);
}

Result<CacheFile> CacheFile::open(const std::filesystem::path& path, const CacheFit& fit) {
  MARQUEE_ASSIGN(base::MappedFile file, base::MappedFile::open(path));
  const std::string name = path.filename().string();
  if (file.bytes().size() < sizeof(Header) + kHashLetters) {
    return base::corrupt(fmt::format("{}: {} bytes are too few for a saved cache", name, file.bytes().size()));
  }
  const auto content = file.bytes().first(file.bytes().size() - kHashLetters);
  base::Sha256 sum;
  sum.update(content);
  const std::string digest = sum.hex_digest();
  if (std::memcmp(digest.data(), file.bytes().last(kHashLetters).data(), kHashLetters) != 0) {
    return base::corrupt(
        fmt::format("{}: the checksum is wrong: the file is damaged, cut short or no saved cache; "
                    "save the cache anew",
                    name));
  }
  MARQUEE_ASSIGN(CacheFile parsed, parse(content, fit, name));
  parsed.file_.emplace(std::move(file));  // its bytes stay where they are
  return parsed;
}

Result<CacheFile> CacheFile::parse(std::span<const std::byte> bytes, const CacheFit& fit, std::string_view name) {
  Header header{};
  if (bytes.size() < sizeof(Header)) return base::corrupt(fmt::format("{}: it ends within its header", name));
  std::memcpy(&header, bytes.data(), sizeof(Header));
  if (header.magic != padded<8>(kMagic)) return base::corrupt(fmt::format("{}: no saved cache", name));
  MARQUEE_CHECK(check_header(header, fit, name));
  CacheFile file;
  file.page_bytes_ = fit.layout.page_bytes();
  file.records_ = bytes.subspan(sizeof(Header));
  const std::size_t record_bytes = sizeof(Record) + file.page_bytes_;
  const std::size_t pages = file.records_.size() / record_bytes;
  if (file.records_.size() % record_bytes != 0 || pages > std::numeric_limits<std::int32_t>::max()) {
    return base::corrupt(fmt::format("{}: {} bytes are not a whole number of pages of {} bytes", name,
                                     file.records_.size(), record_bytes));
  }
  file.pages_ = static_cast<std::int32_t>(pages);
  MARQUEE_CHECK(file.check_pages(name, fit));
  return file;
}

Result<void> CacheFile::check_pages(std::string_view name, const CacheFit& fit) const {
  std::vector<std::int32_t> depth(static_cast<std::size_t>(pages_));
  for (std::int32_t number = 0; number < pages_; ++number) {
    const Page one = page(number);
    const auto wrong = [&](std::string_view what) {
      return base::corrupt(fmt::format("{}: page {} of {} {}", name, number, pages_, what));
    };
    if (one.parent < -1 || one.parent >= number) return wrong("comes before the page it continues");
    std::int32_t& own = depth[static_cast<std::size_t>(number)];
    own = one.parent < 0 ? 1 : depth[static_cast<std::size_t>(one.parent)] + 1;
    if (own > fit.context_length / tensor::kKvPageTokens) return wrong("lies beyond the model's context");
    const bool known = std::all_of(one.tokens.begin(), one.tokens.end(),
                                   [&](formats::TokenId id) { return id >= 0 && id < fit.vocab_size; });
    if (!known) return wrong("has a token that the model does not know");
  }
  return {};
}

CacheFile::Page CacheFile::page(std::int32_t number) const {
  const auto bytes =
      records_.subspan(static_cast<std::size_t>(number) * (sizeof(Record) + page_bytes_), sizeof(Record) + page_bytes_);
  Record record{};
  std::memcpy(&record, bytes.data(), sizeof(Record));
  return {record.parent, record.tokens, bytes.subspan(sizeof(Record))};
}

}  // namespace marquee::serving
