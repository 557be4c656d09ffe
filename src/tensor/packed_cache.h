#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/dtype.h"
#include "tensor/aligned_buffer.h"

namespace marquee::tensor {

/// What a cache file was made from. A file of another key is never read.
struct PackedCacheKey {
  std::string content;  ///< SHA-256 of the model's file or files, in hex
  std::string isa;      ///< the instruction set whose kernels read the panels

  /// "<first 32 digits of content>-<isa>-v<version>.pack"
  [[nodiscard]] std::string file_name() const;
};

/// A matrix as it was packed; matrices are read in the order in which they were added.
struct PackedMatrix {
  kernels::DType dtype = kernels::DType::kF32;
  std::uint64_t out = 0;
  std::uint64_t in = 0;
};

/// The packed weights of one model, kept on disk so that the next start need not pack them.
///
/// The file is mapped and each matrix copied once into huge pages while its hash is checked; the mapping then goes.
/// Computing straight from the mapping would slow decoding by two fifths (docs/adr/0005).
///
/// File: 4 KiB header (magic, version, key, hash of the table, place and count of the table), the matrices at multiples
/// of 64 bytes, the table. Little endian. Hashes are XXH3: they find damage, they do not keep out who may write here.
class PackedCache {
 public:
  /// An open file is read from, else matrices are gathered for write().
  /// @error kCorrupt if the file is damaged, cut off or of another key: remove it and open again
  static base::Result<PackedCache> open(const std::filesystem::path& folder, const PackedCacheKey& key);

  [[nodiscard]] bool reading() const { return file_.has_value(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// The next matrix. @pre reading()
  /// @error kCorrupt if it is another one or damaged; kResourceExhausted
  base::Result<AlignedBuffer> read(const PackedMatrix& matrix, std::size_t bytes, base::ThreadPool& pool);
  /// Keeps a matrix for write(), sharing its memory. @pre !reading()
  void add(const PackedMatrix& matrix, AlignedBuffer panels);
  /// Writes what was added to a file of its own, then puts it in place in one rename. Then removes the least recently
  /// used files of the folder until all together have at most `most_bytes`; a cache larger than that is not written.
  /// @error kIo; the folder is as it was
  [[nodiscard]] base::Result<void> write(std::uint64_t most_bytes) const;

 private:
  struct Entry {
    PackedMatrix matrix;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint64_t hash = 0;
  };

  PackedCache(std::filesystem::path path, PackedCacheKey key) : path_(std::move(path)), key_(std::move(key)) {}
  base::Result<void> read_table();
  [[nodiscard]] std::uint64_t size_on_disk() const;
  [[nodiscard]] base::Result<void> write_to(const std::filesystem::path& path) const;
  [[nodiscard]] base::Error damaged(std::string_view what) const;

  std::filesystem::path path_;
  PackedCacheKey key_;
  std::optional<base::MappedFile> file_;
  std::vector<Entry> entries_;
  std::vector<AlignedBuffer> added_;
  std::size_t next_ = 0;
};

/// Removes the files made from this content for any instruction set. Missing ones are no error.
void remove_packed_cache(const std::filesystem::path& folder, std::string_view content);

}  // namespace marquee::tensor
