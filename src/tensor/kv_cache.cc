#include "tensor/kv_cache.h"

#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/kernels.h"
#include "tensor/aligned_buffer.h"

namespace marquee::tensor {
namespace {

static_assert(kKvPageTokens == kernels::kPageTokens);

// Far above any real model, low enough that no product below overflows.
constexpr std::int32_t kMaxLayers = 4096;
constexpr std::int32_t kMaxHeads = 4096;
constexpr std::int32_t kMaxHeadDim = 4096;

bool holds(kernels::DType dtype) {
  return dtype == kernels::DType::kF16 || dtype == kernels::DType::kI8 || dtype == kernels::DType::kF32;
}

// Bytes of the keys (or the values) of one page, layer and head.
std::size_t head_bytes(const KvLayout& layout) {
  const std::size_t scale = layout.dtype == kernels::DType::kI8 ? sizeof(float) : 0;
  return static_cast<std::size_t>(kKvPageTokens) *
         (static_cast<std::size_t>(layout.head_dim) * kernels::dtype_info(layout.dtype).block_bytes + scale);
}

base::Result<void> check_layout(const KvLayout& layout, std::int32_t pages) {
  if (!holds(layout.dtype)) {
    return base::invalid_argument("a KV cache holds F16, I8 or F32, not " +
                                  std::string(kernels::dtype_info(layout.dtype).name));
  }
  const auto in_range = [](std::int32_t value, std::int32_t limit) { return value >= 1 && value <= limit; };
  if (!in_range(layout.layers, kMaxLayers) || !in_range(layout.kv_heads, kMaxHeads) ||
      !in_range(layout.head_dim, kMaxHeadDim)) {
    return base::invalid_argument("KV cache layout out of range: " + std::to_string(layout.layers) + " layers, " +
                                  std::to_string(layout.kv_heads) + " heads of " + std::to_string(layout.head_dim));
  }
  if (pages < 1) return base::invalid_argument("a KV cache needs at least one page, not " + std::to_string(pages));
  return {};
}

}  // namespace

std::size_t KvLayout::page_bytes() const {
  return static_cast<std::size_t>(layers) * static_cast<std::size_t>(kv_heads) * 2 * head_bytes(*this);
}

base::Result<std::unique_ptr<KvPool>> KvPool::create(const KvLayout& layout, std::int32_t pages) {
  MARQUEE_CHECK(check_layout(layout, pages));
  const std::size_t page_bytes = layout.page_bytes();
  const auto count = static_cast<std::size_t>(pages);
  if (count > std::numeric_limits<std::ptrdiff_t>::max() / page_bytes) {
    return base::Error{base::ErrorCode::kResourceExhausted,
                       "a KV cache of " + std::to_string(pages) + " pages exceeds the address space"};
  }
  std::unique_ptr<KvPool> pool(new KvPool());
  auto memory = Mapping::create(count * page_bytes);
  if (!memory) {
    return base::Error{base::ErrorCode::kResourceExhausted, "cannot reserve " + std::to_string(count * page_bytes) +
                                                                " bytes for the KV cache; give it fewer pages"};
  }
  pool->layout_ = layout;
  pool->total_pages_ = pages;
  pool->mapping_ = std::move(memory).value();
  pool->memory_ = pool->mapping_->data();
  pool->references_.assign(count, 0);
  pool->kept_.assign(count, false);
  pool->free_list_.reserve(count);
  for (std::int32_t page = pages; page-- > 0;) pool->free_list_.push_back(page);
  return pool;
}

KvPool::~KvPool() = default;

base::Result<std::int32_t> KvPool::allocate() {
  if (free_list_.empty()) {
    return base::Error{base::ErrorCode::kResourceExhausted,
                       "all " + std::to_string(total_pages_) + " pages of the KV cache are in use"};
  }
  const std::int32_t page = free_list_.back();  // the most recently freed is the likeliest to be in cache
  free_list_.pop_back();
  references_[static_cast<std::size_t>(page)] = 1;
  return page;
}

void KvPool::add_reference(std::int32_t page) {
  std::int32_t& count = references_.at(static_cast<std::size_t>(page));
  if (count < 1) throw std::logic_error("a free KV page was referenced");
  if (count == 1 && kept(page)) --idle_pages_;
  ++count;
}

void KvPool::release(std::int32_t page) {
  std::int32_t& count = references_.at(static_cast<std::size_t>(page));
  if (count < (kept(page) ? 2 : 1)) throw std::logic_error("a free KV page was released");
  --count;
  if (count == 1 && kept(page)) ++idle_pages_;
  if (count == 0) free_list_.push_back(page);
}

void KvPool::keep(std::int32_t page) {
  if (kept_.at(static_cast<std::size_t>(page))) throw std::logic_error("a KV page was kept twice");
  add_reference(page);
  kept_[static_cast<std::size_t>(page)] = true;
}

void KvPool::drop(std::int32_t page) {
  if (!kept_.at(static_cast<std::size_t>(page))) throw std::logic_error("a KV page was dropped that nobody kept");
  if (references(page) == 1) --idle_pages_;
  kept_[static_cast<std::size_t>(page)] = false;
  release(page);
}

base::Result<std::int32_t> KvPool::clone(std::int32_t page) {
  MARQUEE_ASSIGN(const std::int32_t copy, allocate());
  const std::size_t bytes = layout_.page_bytes();
  std::memcpy(memory_ + static_cast<std::size_t>(copy) * bytes, memory_ + static_cast<std::size_t>(page) * bytes,
              bytes);
  return copy;
}

std::byte* KvPool::keys(std::int32_t page, std::int32_t layer, std::int32_t kv_head) const {
  const std::size_t head =
      static_cast<std::size_t>(layer) * static_cast<std::size_t>(layout_.kv_heads) + static_cast<std::size_t>(kv_head);
  return memory_ + static_cast<std::size_t>(page) * layout_.page_bytes() + head * 2 * head_bytes(layout_);
}

std::byte* KvPool::values(std::int32_t page, std::int32_t layer, std::int32_t kv_head) const {
  return keys(page, layer, kv_head) + head_bytes(layout_);
}

}  // namespace marquee::tensor
