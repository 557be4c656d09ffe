#include "tensor/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

namespace marquee::tensor {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{1} << 21U;
// Shared mappings: large enough that few huge pages are cut, small enough that little outlives a model that shares
// its last one with the next.
constexpr std::size_t kSharedMappingBytes = std::size_t{32} << 20U;
constexpr std::size_t kAlignment = 64;

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

base::Error no_memory(std::size_t bytes) {
  return {base::ErrorCode::kResourceExhausted,
          "cannot reserve " + std::to_string(bytes) + " bytes of memory; free some or use a smaller model"};
}

/// The mapping that small buffers are cut from, and how much of it is taken.
struct Shared {
  std::mutex mutex;
  std::weak_ptr<Mapping> mapping;  // the buffers own it
  std::size_t used = 0;
};

Shared& shared() {
  static Shared instance;
  return instance;
}

}  // namespace

base::Result<std::shared_ptr<Mapping>> Mapping::create(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::ptrdiff_t>::max() - 2 * kHugePageBytes) return no_memory(bytes);
  // The system aligns to 4 KiB only: reserve more, then give back what lies outside the aligned part.
  const std::size_t wanted = round_up(bytes, 4096);
  const std::size_t reserved = wanted + kHugePageBytes;
  void* memory = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return no_memory(bytes);
  auto* first = static_cast<std::byte*>(memory);
  const std::size_t before =
      round_up(reinterpret_cast<std::uintptr_t>(first), kHugePageBytes) - reinterpret_cast<std::uintptr_t>(first);
  if (before > 0) ::munmap(first, before);
  if (before < kHugePageBytes) ::munmap(first + before + wanted, kHugePageBytes - before);
  std::shared_ptr<Mapping> mapping(new Mapping());
  mapping->data_ = first + before;
  mapping->bytes_ = wanted;
  if (wanted >= kHugePageBytes) ::madvise(mapping->data_, wanted, MADV_HUGEPAGE);  // a wish; refusal is harmless
  return mapping;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

base::Result<AlignedBuffer> AlignedBuffer::allocate(std::size_t bytes) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  if (bytes > std::numeric_limits<std::ptrdiff_t>::max() - kAlignment) return no_memory(bytes);
  buffer.bytes_ = bytes;
  const std::size_t taken = round_up(bytes, kAlignment);
  if (taken > kSharedMappingBytes / 2) {
    MARQUEE_ASSIGN(buffer.mapping_, Mapping::create(taken));
    buffer.data_ = buffer.mapping_->data();
    return buffer;
  }
  Shared& current = shared();
  const std::lock_guard lock(current.mutex);
  buffer.mapping_ = current.mapping.lock();
  if (buffer.mapping_ == nullptr || current.used + taken > buffer.mapping_->size()) {
    MARQUEE_ASSIGN(buffer.mapping_, Mapping::create(kSharedMappingBytes));
    current.mapping = buffer.mapping_;
    current.used = 0;
  }
  buffer.data_ = buffer.mapping_->data() + current.used;
  current.used += taken;
  return buffer;
}

}  // namespace marquee::tensor
