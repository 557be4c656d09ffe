#include "tensor/autograd/storage.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace marquee::tensor::autograd {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20U;

/// Rounded up to an eighth of the power of two below: at most 12.5 % is wasted, and few sizes are kept.
std::size_t block_size(std::size_t bytes) {
  if (bytes <= kAlignment) return kAlignment;
  const std::size_t step = std::max(kAlignment, std::bit_floor(bytes) / 8);
  return (bytes + step - 1) / step * step;
}

class Blocks {
 public:
  std::byte* take(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      use_.in_use_bytes += bytes;
      use_.most_in_use_bytes = std::max(use_.most_in_use_bytes, use_.in_use_bytes);
      if (auto& kept = kept_[bytes]; !kept.empty()) {
        std::byte* block = kept.back();
        kept.pop_back();
        use_.kept_bytes -= bytes;
        return block;
      }
    }
    const std::size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
    void* block = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (block == nullptr) {
      const std::lock_guard lock(mutex_);
      use_.in_use_bytes -= bytes;
      throw std::bad_alloc();
    }
    if (alignment == kHugePage) ::madvise(block, bytes, MADV_HUGEPAGE);
    return static_cast<std::byte*>(block);
  }

  void put(std::byte* block, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    use_.in_use_bytes -= bytes;
    use_.kept_bytes += bytes;
    kept_[bytes].push_back(block);
  }

  void release() {
    const std::lock_guard lock(mutex_);
    for (auto& [bytes, blocks] : kept_) {
      for (std::byte* block : blocks) std::free(block);
    }
    kept_.clear();
    use_.kept_bytes = 0;
  }

  StorageUse use() {
    const std::lock_guard lock(mutex_);
    return use_;
  }

  void reset_most() {
    const std::lock_guard lock(mutex_);
    use_.most_in_use_bytes = use_.in_use_bytes;
  }

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::vector<std::byte*>> kept_;
  StorageUse use_;
};

// Never destroyed: tensors of static lifetime may outlive it otherwise.
Blocks& blocks() {
  static auto* all = new Blocks;
  return *all;
}

}  // namespace

Storage::Storage(std::size_t bytes) : bytes_(bytes), block_bytes_(block_size(bytes)) {
  data_ = blocks().take(block_bytes_);
}

Storage::~Storage() { blocks().put(data_, block_bytes_); }

StorageUse storage_use() { return blocks().use(); }
void reset_most_storage() { blocks().reset_most(); }
void release_kept_storage() { blocks().release(); }

}  // namespace marquee::tensor::autograd
