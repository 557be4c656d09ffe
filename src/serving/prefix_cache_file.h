#pragma once
// A tenant's prefix cache as a file: which pages hold which tokens, their keys and values, and a checksum of it all.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/result.h"
#include "base/sha256.h"
#include "serving/prefix_cache.h"
#include "tensor/kv_cache.h"
#include "tensor/ops.h"

namespace marquee::serving {

/// What a saved cache must agree in with the model that is to use it. Nothing of it depends on the instruction set: a
/// page holds its numbers in one order everywhere.
struct CacheFit {
  std::string tenant;
  std::string weights_sha256;  ///< of the model's files, see ModelIdentity
  tensor::KvLayout layout;
  tensor::ActivationType activations = tensor::ActivationType::kInt8;  ///< that they were computed with
  std::int32_t context_length = 0;                                     ///< some models turn their positions by it
  std::int32_t vocab_size = 0;                                         ///< not in the file: bounds its tokens
};

/// Writes <path> in one piece: it is there whole or not at all.
class CacheFileWriter {
 public:
  /// @error kIo
  static base::Result<CacheFileWriter> create(const std::filesystem::path& path, const CacheFit& fit);
  /// @param parent the number of an earlier page, counted from 0; -1: the page begins the text
  /// @param contents KvLayout::page_bytes() of them
  base::Result<void> add(std::int32_t parent, const PageTokens& tokens, std::span<const std::byte> contents);
  /// @return the file's bytes. @error kIo
  base::Result<std::uint64_t> finish();
  /// Removes what a writer that did not finish left beside `path`.
  static void discard(const std::filesystem::path& path);

 private:
  CacheFileWriter(std::filesystem::path path, base::OutputFile file) : path_(std::move(path)), file_(std::move(file)) {}
  base::Result<void> write(std::span<const std::byte> bytes);

  std::filesystem::path path_;
  base::OutputFile file_;
  base::Sha256 sum_;
};

/// A saved cache, checked from end to end.
class CacheFile {
 public:
  struct Page {
    std::int32_t parent = -1;  ///< below this page's own number
    PageTokens tokens{};
    std::span<const std::byte> contents;
  };

  /// @error kNotFound; kCorrupt for a file that is damaged or none of ours; kFailedPrecondition if it was saved from
  ///        another model, context, layout or tenant
  static base::Result<CacheFile> open(const std::filesystem::path& path, const CacheFit& fit);
  /// As open(), of bytes whose checksum has been compared already and is left out. They must outlive the result.
  static base::Result<CacheFile> parse(std::span<const std::byte> bytes, const CacheFit& fit, std::string_view name);

  [[nodiscard]] std::int32_t pages() const { return pages_; }
  /// @pre number < pages()
  [[nodiscard]] Page page(std::int32_t number) const;
  /// 0 for one made by parse().
  [[nodiscard]] std::uint64_t file_bytes() const { return file_ ? file_->bytes().size() : 0; }

 private:
  CacheFile() = default;
  base::Result<void> check_pages(std::string_view name, const CacheFit& fit) const;

  std::optional<base::MappedFile> file_;
  std::span<const std::byte> records_;
  std::size_t page_bytes_ = 0;
  std::int32_t pages_ = 0;
};

}  // namespace marquee::serving
