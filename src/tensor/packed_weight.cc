#include "tensor/packed_weight.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "kernels/blocks.h"
#include "tensor/packed_weight_impl.h"

namespace marquee::tensor {
namespace {

using kernels::DTypeInfo;
using kernels::kPanelRows;
using kernels::PanelFormat;

// Bounds every product below: 2^31 rows or columns of 4 bytes, padded, stay far below 2^64.
constexpr std::int64_t kMaxExtent = std::numeric_limits<std::int32_t>::max();

base::Result<void> check_part(const StoredTensor& part) {
  const DTypeInfo& info = kernels::dtype_info(part.dtype);
  if (!kernels::is_weight_dtype(part.dtype)) {
    return base::unsupported("weight '" + part.name + "' has type " + std::string(info.name) +
                             ", which the matrix kernels do not read");
  }
  if (part.shape.size() != 2) {
    return base::invalid_argument("weight '" + part.name + "' has " + std::to_string(part.shape.size()) +
                                  " dimensions where a matrix [out, in] is needed");
  }
  const std::int64_t out = part.shape[0];
  const std::int64_t in = part.shape[1];
  if (out < 1 || in < 1 || out > kMaxExtent || in > kMaxExtent) {
    return base::invalid_argument("weight '" + part.name + "' has an extent out of range: [" + std::to_string(out) +
                                  ", " + std::to_string(in) + "]");
  }
  if (static_cast<std::size_t>(in) % info.block_elements != 0) {
    return base::invalid_argument("weight '" + part.name + "' has rows of " + std::to_string(in) +
                                  " values, not a whole number of " + std::string(info.name) + " blocks");
  }
  const std::size_t row_bytes = static_cast<std::size_t>(in) / info.block_elements * info.block_bytes;
  if (part.bytes.size() != row_bytes * static_cast<std::size_t>(out)) {
    return base::invalid_argument("weight '" + part.name + "' has " + std::to_string(part.bytes.size()) +
                                  " bytes where its shape and type need " +
                                  std::to_string(row_bytes * static_cast<std::size_t>(out)));
  }
  return {};
}

base::Result<PackedWeight::Impl::Part> pack_part(const StoredTensor& stored, base::ThreadPool& pool,
                                                 PackedCache* cache) {
  const DTypeInfo& info = kernels::dtype_info(stored.dtype);
  const auto in = static_cast<std::size_t>(stored.shape[1]);
  PackedWeight::Impl::Part part;
  part.format = kernels::panel_format(stored.dtype);
  part.out = static_cast<std::size_t>(stored.shape[0]);
  const std::size_t panel_bytes = part.format.panel_bytes(in);
  const PackedMatrix matrix{stored.dtype, part.out, in};
  if (cache != nullptr && cache->reading()) {
    MARQUEE_ASSIGN(part.panels, cache->read(matrix, part.panel_count() * panel_bytes, pool));
    return part;
  }
  MARQUEE_ASSIGN(part.panels, AlignedBuffer::allocate(part.panel_count() * panel_bytes));
  const std::size_t row_bytes = in / info.block_elements * info.block_bytes;
  pool.parallel_for(part.panel_count(), [&](std::size_t panel) {
    const std::size_t first = panel * kPanelRows;
    const std::size_t rows = std::min(kPanelRows, part.out - first);
    kernels::pack_panel(part.format, {stored.bytes.data() + first * row_bytes, row_bytes, rows, in},
                        part.panels.data() + panel * panel_bytes);
  });
  if (cache != nullptr) cache->add(matrix, part.panels);
  return part;
}

}  // namespace

PackedWeight::PackedWeight() : impl_(std::make_unique<Impl>()) {}
PackedWeight::~PackedWeight() = default;
PackedWeight::PackedWeight(PackedWeight&&) noexcept = default;
PackedWeight& PackedWeight::operator=(PackedWeight&&) noexcept = default;

base::Result<PackedWeight> PackedWeight::pack(std::span<const StoredTensor> parts, base::ThreadPool& pool,
                                              PackedCache* cache) {
  if (parts.empty()) return base::invalid_argument("a packed weight needs at least one part");
  PackedWeight weight;
  for (const StoredTensor& stored : parts) {
    MARQUEE_CHECK(check_part(stored));
    if (stored.shape[1] != parts.front().shape[1]) {
      return base::invalid_argument("weight '" + stored.name + "' has " + std::to_string(stored.shape[1]) +
                                    " columns, but '" + parts.front().name + "' beside it has " +
                                    std::to_string(parts.front().shape[1]));
    }
    MARQUEE_ASSIGN(auto part, pack_part(stored, pool, cache));
    part.out_begin = weight.impl_->out;
    weight.impl_->out += part.out;
    weight.impl_->parts.push_back(std::move(part));
  }
  weight.impl_->in = static_cast<std::size_t>(parts.front().shape[1]);
  return weight;
}

std::size_t PackedWeight::out_features() const { return impl_->out; }
std::size_t PackedWeight::in_features() const { return impl_->in; }

std::size_t PackedWeight::bytes() const {
  std::size_t total = 0;
  for (const auto& part : impl_->parts) total += part.panels.size();
  return total;
}

}  // namespace marquee::tensor
