#include "tensor/aligned_buffer.h"

#include <sys/mman.h>

#include <string>

namespace marquee::tensor {

// Streaming weights through 4 KiB pages stops the prefetcher at each page's end.
constexpr std::size_t kHugePageWorthwhileBytes = std::size_t{1} << 21U;

base::Result<AlignedBuffer> AlignedBuffer::allocate(std::size_t bytes) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return base::Error{base::ErrorCode::kResourceExhausted, "cannot reserve " + std::to_string(bytes) +
                                                                " bytes of memory; free some or use a smaller model"};
  }
  if (bytes >= kHugePageWorthwhileBytes) ::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish; refusal is harmless
  buffer.data_ = static_cast<std::byte*>(memory);
  buffer.bytes_ = bytes;
  return buffer;
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

}  // namespace marquee::tensor
