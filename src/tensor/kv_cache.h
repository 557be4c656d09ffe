#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "kernels/dtype.h"

namespace marquee::tensor {

class Mapping;

/// Tokens one page holds. 16 keys are one AVX-512 register of scores when keys are stored dimension-major in a page.
constexpr std::int32_t kKvPageTokens = 16;

struct KvLayout {
  std::int32_t layers = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  /// kF16; kI8, half of it, with one f32 scale for each token's keys and one for its values; kF32 (the oracles use it)
  kernels::DType dtype = kernels::DType::kF16;

  /// Bytes of one page over all layers, keys and values.
  [[nodiscard]] std::size_t page_bytes() const;
};

/// The paged key/value memory that all sequences of one model share. A page holds kKvPageTokens positions of every
/// layer. Pages are reference-counted so that sequences can share a prefix; a shared page is read-only.
/// Page bookkeeping is for one thread (the scheduler's); reading and writing page contents is not synchronised here.
class KvPool {
 public:
  /// Reserves address space for `pages` pages; memory is touched when a page is first used.
  /// @error kInvalidArgument for a bad layout; kResourceExhausted if the address space cannot be had
  static base::Result<std::unique_ptr<KvPool>> create(const KvLayout& layout, std::int32_t pages);
  ~KvPool();

  [[nodiscard]] const KvLayout& layout() const { return layout_; }
  [[nodiscard]] std::int32_t total_pages() const { return total_pages_; }
  [[nodiscard]] std::int32_t free_pages() const { return static_cast<std::int32_t>(free_list_.size()); }

  /// @return a page with one reference. @error kResourceExhausted when none is free
  base::Result<std::int32_t> allocate();
  /// @throws std::logic_error on a free page (a broken invariant), as release() does
  void add_reference(std::int32_t page);
  void release(std::int32_t page);
  [[nodiscard]] std::int32_t references(std::int32_t page) const { return references_[static_cast<std::size_t>(page)]; }

  /// A cache keeps a page beside those who use it: one reference more, which only drop() gives back. A page is kept
  /// once.
  /// @throws std::logic_error on a free or a kept page; drop() on one that is not kept
  void keep(std::int32_t page);
  void drop(std::int32_t page);
  [[nodiscard]] bool kept(std::int32_t page) const { return kept_[static_cast<std::size_t>(page)]; }
  /// References but for the keeper's.
  [[nodiscard]] std::int32_t users(std::int32_t page) const { return references(page) - (kept(page) ? 1 : 0); }
  /// Pages that nobody but the keeper holds: as good as free, since it can drop them.
  [[nodiscard]] std::int32_t idle_pages() const { return idle_pages_; }
  /// A private copy of a page's contents (copy-on-write). @error kResourceExhausted
  base::Result<std::int32_t> clone(std::int32_t page);

  /// Start of the keys / values of one page, layer and KV head. Keys: [head_dim][kKvPageTokens]; values:
  /// [kKvPageTokens][head_dim]; elements of layout().dtype. Behind kI8 elements lie their scales, [kKvPageTokens] f32.
  [[nodiscard]] std::byte* keys(std::int32_t page, std::int32_t layer, std::int32_t kv_head) const;
  [[nodiscard]] std::byte* values(std::int32_t page, std::int32_t layer, std::int32_t kv_head) const;

 private:
  KvPool() = default;
  KvLayout layout_;
  std::int32_t total_pages_ = 0;
  std::shared_ptr<Mapping> mapping_;
  std::byte* memory_ = nullptr;
  std::vector<std::int32_t> free_list_;
  std::vector<std::int32_t> references_;
  std::vector<bool> kept_;
  std::int32_t idle_pages_ = 0;
};

}  // namespace marquee::tensor
