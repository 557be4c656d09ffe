#pragma once
// Memory of tensors. A training step asks for the same sizes again and again, so blocks are kept and given out anew:
// pages that were touched once stay touched.

#include <cstddef>
#include <memory>

namespace marquee::tensor::autograd {

/// Uninitialised memory, aligned to 64 bytes.
class Storage {
 public:
  /// @throws std::bad_alloc
  explicit Storage(std::size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t block_bytes_ = 0;
};

struct StorageUse {
  std::size_t in_use_bytes = 0;
  std::size_t most_in_use_bytes = 0;  ///< since reset_most_storage()
  std::size_t kept_bytes = 0;         ///< free, for whoever asks for that size next
};

/// Of the whole process.
StorageUse storage_use();
void reset_most_storage();
/// Gives kept blocks back to the system: at the end of a job.
void release_kept_storage();

}  // namespace marquee::tensor::autograd
