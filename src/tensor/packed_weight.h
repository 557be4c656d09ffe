#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/thread_pool.h"
#include "tensor/packed_cache.h"
#include "tensor/weight_source.h"

namespace marquee::tensor {

/// A linear layer's weight [out, in], laid out for the matrix kernels: output rows interleaved, scales and minima
/// beside their blocks, the values exactly those of the file (nothing is re-quantised). F32/F16/BF16 keep their type.
class PackedWeight {
 public:
  PackedWeight();
  ~PackedWeight();
  PackedWeight(PackedWeight&&) noexcept;
  PackedWeight& operator=(PackedWeight&&) noexcept;

  /// Packs one stored matrix, or several with the same `in` and dtype stacked along `out` (fused QKV, gate and up).
  /// Parts of different dtypes are legal: each keeps its own and the product visits them in turn.
  /// @param cache where packed panels are read from or gathered for; null for none
  /// @error kInvalidArgument if a part is not a matrix or the `in` extents differ; kUnsupported by dtype name;
  /// PackedCache::read's
  static base::Result<PackedWeight> pack(std::span<const StoredTensor> parts, base::ThreadPool& pool,
                                         PackedCache* cache = nullptr);

  [[nodiscard]] std::size_t out_features() const;
  [[nodiscard]] std::size_t in_features() const;
  [[nodiscard]] std::size_t bytes() const;  ///< memory held

  struct Impl;
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquee::tensor
