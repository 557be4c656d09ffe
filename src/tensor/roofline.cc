#include "tensor/roofline.h"

#include <atomic>
#include <cstring>
#include <utility>

#include "kernels/kernels.h"

namespace marquee::tensor {
namespace {

constexpr std::size_t kMemoryBytes = std::size_t{256} << 20U;  // far more than any cache
constexpr std::size_t kParts = 64;                             // per reading, so that threads end together
constexpr std::size_t kIn = 512;
constexpr std::size_t kOut = 2 * kernels::kPanelRows;
constexpr int kRepeats = 2000;  // about 10 ms

/// Four sums at once: one alone would wait for its own additions.
std::uint64_t sum(const std::uint64_t* values, std::size_t count) {
  std::uint64_t a = 0, b = 0, c = 0, d = 0;
  for (std::size_t i = 0; i + 4 <= count; i += 4) {
    a += values[i];
    b += values[i + 1];
    c += values[i + 2];
    d += values[i + 3];
  }
  return a + b + c + d;
}

}  // namespace

base::Result<RooflineProbe> RooflineProbe::create(base::ThreadPool& pool) {
  MARQUEE_ASSIGN(AlignedBuffer memory, AlignedBuffer::allocate(kMemoryBytes));
  std::memset(memory.data(), 1, memory.size());  // untouched pages would all be one page of zeros
  RooflineProbe probe(pool, std::move(memory));
  const std::size_t rows = kernels::kernels().max_tile_rows;
  const std::size_t panel_bytes = kernels::panel_format(kernels::DType::kQ8_0).panel_bytes(kIn);
  for (unsigned i = 0; i < pool.size(); ++i) {
    MARQUEE_ASSIGN(AlignedBuffer panels, AlignedBuffer::allocate(kOut / kernels::kPanelRows * panel_bytes));
    std::memset(panels.data(), 0x11, panels.size());
    probe.operands_.push_back({std::move(panels), std::vector<std::int8_t>(rows * kIn, 3),
                               std::vector<float>(rows * kIn / 32, 1.0F), std::vector<float>(rows * kIn / 16, 1.0F),
                               std::vector<float>(rows * kOut)});
  }
  return probe;
}

std::uint64_t RooflineProbe::read_memory() {
  const auto* values = reinterpret_cast<const std::uint64_t*>(memory_.data());
  const std::size_t part_size = memory_.size() / sizeof(std::uint64_t) / kParts;
  std::atomic<std::uint64_t> total{0};
  pool_->parallel_for(kParts, [&](std::size_t part) { total += sum(values + part * part_size, part_size); });
  // The sum is looked at, so that no compiler leaves the reading out.
  return total.load() == 0 ? 0 : part_size * kParts * sizeof(std::uint64_t);
}

std::uint64_t RooflineProbe::multiply_int8() {
  const auto& table = kernels::kernels();
  const kernels::PanelFormat format = kernels::panel_format(kernels::DType::kQ8_0);
  const std::size_t rows = table.max_tile_rows;
  pool_->parallel_for(operands_.size(), [&](std::size_t i) {
    Operands& one = operands_[i];
    const kernels::ActivationTile tile{
        0, rows, 1, one.values.data(), one.scales.data(), one.sums.data(), one.sums.data(), nullptr};
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      table.matmul({format, kIn, one.panels.data(), kOut, &tile, 1, one.y.data(), kOut});
    }
  });
  return static_cast<std::uint64_t>(operands_.size() * rows * kIn * kOut) * kRepeats;
}

}  // namespace marquee::tensor
