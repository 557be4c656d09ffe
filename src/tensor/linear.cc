#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/first_error.h"
#include "kernels/kernels.h"
#include "tensor/ops.h"
#include "tensor/packed_weight_impl.h"
#include "tensor/shape_check.h"

namespace marquee::tensor {
namespace {

using kernels::ActivationTile;
using kernels::kActivationGroup;
using kernels::Kernels;
using kernels::kPanelRows;
using Part = PackedWeight::Impl::Part;

// Enough tasks that a thread which is late takes fewer of them, few enough that taking one costs nothing.
constexpr std::size_t kTasksPerThread = 6;
// Activations of one task's rows stay in half of a 512 KiB second-level cache while its panels stream by.
constexpr std::size_t kTaskActivationBytes = std::size_t{256} << 10U;
constexpr std::size_t kMaxPanelsPerTask = 32;
// Below this many values, waking the team costs more than quantising alone.
constexpr std::size_t kParallelPreparationValues = 32768;
constexpr std::size_t kParallelFillValues = 8192;

/// Carves aligned arrays out of the context's scratch memory.
class Arena {
 public:
  template <typename T>
  std::size_t reserve(std::size_t count) {
    const std::size_t at = size_;
    size_ += (count * sizeof(T) + 63) / 64 * 64;
    return at;
  }
  void allocate(std::vector<std::byte>& scratch) {
    if (scratch.size() < size_ + 64) scratch.resize(size_ + 64);
    base_ = scratch.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch.data()) % 64) % 64;
  }
  template <typename T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(base_ + offset);
  }

 private:
  std::size_t size_ = 0;
  std::byte* base_ = nullptr;
};

/// What the parts of a weight need of the activations.
struct Needs {
  std::size_t planes = 0;  ///< of int8
  bool sums16 = false;
  bool floats = false;
};

Needs needs_of(const PackedWeight::Impl& weight, ActivationType type) {
  const std::size_t planes = type == ActivationType::kInt16 ? 2 : 1;
  Needs needs;
  for (const Part& part : weight.parts) {
    if (part.format.quantized) needs.planes = planes;
    needs.sums16 |= part.format.group == 16;
    needs.floats |= !part.format.quantized;
  }
  return needs;
}

/// x as tiles that the kernels read.
struct Activations {
  ActivationTile* tiles = nullptr;
  std::size_t tile_count = 0;
  std::int8_t* values = nullptr;
  float* scales = nullptr;
  float* sums32 = nullptr;
  float* sums16 = nullptr;
  float* floats = nullptr;
};

Activations reserve(std::vector<std::byte>& scratch, const Needs& needs, std::size_t rows, std::size_t in,
                    std::size_t max_tile_rows) {
  Activations x;
  x.tile_count = (rows + max_tile_rows - 1) / max_tile_rows;
  const std::size_t quantized = needs.planes > 0 ? rows * in : 0;
  Arena arena;
  const std::size_t tiles = arena.reserve<ActivationTile>(x.tile_count);
  const std::size_t values = arena.reserve<std::int8_t>(needs.planes * quantized);
  const std::size_t scales = arena.reserve<float>(quantized / kActivationGroup);
  const std::size_t sums32 = arena.reserve<float>(quantized / kActivationGroup);
  const std::size_t sums16 = arena.reserve<float>(needs.sums16 ? quantized / 16 : 0);
  const std::size_t floats = arena.reserve<float>(needs.floats ? rows * in : 0);
  arena.allocate(scratch);
  x.tiles = arena.at<ActivationTile>(tiles);
  x.values = arena.at<std::int8_t>(values);
  x.scales = arena.at<float>(scales);
  x.sums32 = arena.at<float>(sums32);
  x.sums16 = needs.sums16 ? arena.at<float>(sums16) : nullptr;
  x.floats = needs.floats ? arena.at<float>(floats) : nullptr;
  return x;
}

// Tiles of nearly equal height: 13 rows of at most 12 become 7 and 6, not 12 and 1.
void cut_tiles(Activations& x, const Needs& needs, std::size_t rows, std::size_t in) {
  const std::size_t height = rows / x.tile_count;
  const std::size_t taller = rows % x.tile_count;
  std::size_t first = 0;
  for (std::size_t t = 0; t < x.tile_count; ++t) {
    ActivationTile tile;
    tile.first_row = first;
    tile.rows = height + (t < taller ? 1 : 0);
    if (needs.planes > 0) {
      tile.planes = needs.planes;
      tile.values = x.values + first * in * needs.planes;
      tile.scales = x.scales + first * (in / kActivationGroup);
      tile.sums32 = x.sums32 + first * (in / kActivationGroup);
      if (needs.sums16) tile.sums16 = x.sums16 + first * (in / 16);
    }
    if (needs.floats) tile.floats = x.floats + first * in;
    first += tile.rows;
    x.tiles[t] = tile;
  }
}

void fill_tile(const Kernels& kernels, const Needs& needs, ConstMatrix x, const ActivationTile& tile) {
  for (std::size_t r = 0; r < tile.rows; ++r) {
    const float* row = x.row(tile.first_row + r);
    if (needs.planes > 0) {
      kernels.quantize_row(
          row, x.cols,
          {r, tile.rows, tile.planes, const_cast<std::int8_t*>(tile.values), const_cast<float*>(tile.scales),
           const_cast<float*>(tile.sums32), const_cast<float*>(tile.sums16)});
    }
    if (needs.floats) {
      auto* floats = const_cast<float*>(tile.floats);
      for (std::size_t k = 0; k < x.cols; ++k) floats[k * tile.rows + r] = row[k];
    }
  }
}

/// How the product is cut into tasks: blocks of panels of each part × blocks of tiles.
struct TaskGrid {
  std::size_t panels_per_task = 1;
  std::size_t tiles_per_task = 1;
  std::size_t tile_blocks = 1;
  std::size_t tasks = 0;
};

TaskGrid make_grid(const PackedWeight::Impl& weight, const Activations& x, std::size_t rows, unsigned threads) {
  TaskGrid grid;
  const std::size_t bytes_per_value = x.floats != nullptr ? sizeof(float) : x.tiles[0].planes;
  const std::size_t tile_bytes = (rows + x.tile_count - 1) / x.tile_count * weight.in * bytes_per_value;
  grid.tiles_per_task = std::clamp<std::size_t>(kTaskActivationBytes / tile_bytes, 1, x.tile_count);
  grid.tile_blocks = (x.tile_count + grid.tiles_per_task - 1) / grid.tiles_per_task;
  std::size_t panels = 0;
  for (const Part& part : weight.parts) panels += part.panel_count();
  const std::size_t wanted = std::max<std::size_t>(1, threads * kTasksPerThread / grid.tile_blocks);
  grid.panels_per_task = std::clamp<std::size_t>(panels / wanted, 1, kMaxPanelsPerTask);
  for (const Part& part : weight.parts) {
    grid.tasks += (part.panel_count() + grid.panels_per_task - 1) / grid.panels_per_task * grid.tile_blocks;
  }
  return grid;
}

struct Product {
  const Kernels& kernels;
  const PackedWeight::Impl& weight;
  const Activations& x;
  ConstVector bias;
  Matrix y;
  TaskGrid grid;
};

void multiply_block(const Product& product, const Part& part, std::size_t panel_block, std::size_t tile_block) {
  const std::size_t first_panel = panel_block * product.grid.panels_per_task;
  const std::size_t first_tile = tile_block * product.grid.tiles_per_task;
  const std::size_t column = part.out_begin + first_panel * kPanelRows;
  kernels::MatmulJob job;
  job.format = part.format;
  job.in = product.weight.in;
  job.panels = part.panels.data() + first_panel * part.format.panel_bytes(job.in);
  job.out = std::min(part.out - first_panel * kPanelRows, product.grid.panels_per_task * kPanelRows);
  job.tiles = product.x.tiles + first_tile;
  job.tile_count = std::min(product.grid.tiles_per_task, product.x.tile_count - first_tile);
  job.y = product.y.data + column;
  job.y_stride = product.y.stride;
  product.kernels.matmul(job);
  if (product.bias.empty()) return;
  const ActivationTile& last = job.tiles[job.tile_count - 1];
  for (std::size_t row = job.tiles[0].first_row; row < last.first_row + last.rows; ++row) {
    product.kernels.add(product.bias.data() + column, job.out, product.y.row(row) + column);
  }
}

void multiply_task(const Product& product, std::size_t task) {
  const TaskGrid& grid = product.grid;
  for (const Part& part : product.weight.parts) {
    const std::size_t blocks = (part.panel_count() + grid.panels_per_task - 1) / grid.panels_per_task;
    if (task < blocks * grid.tile_blocks) {
      return multiply_block(product, part, task % blocks, task / blocks);
    }
    task -= blocks * grid.tile_blocks;
  }
}

}  // namespace

base::Result<void> linear(ComputeContext& context, ConstMatrix x, const PackedWeight& w, ConstVector bias, Matrix y,
                          const RowFill& fill) {
  const PackedWeight::Impl& weight = w.impl();
  MARQUEE_CHECK(check_extent("linear", "x's column count", x.cols, weight.in));
  MARQUEE_CHECK(check_extent("linear", "y's row count", y.rows, x.rows));
  MARQUEE_CHECK(check_extent("linear", "y's column count", y.cols, weight.out));
  if (!bias.empty()) MARQUEE_CHECK(check_extent("linear", "the bias's length", bias.size(), weight.out));
  if (x.rows == 0 || weight.out == 0) return {};

  const Kernels& kernels = kernels::kernels();
  const Needs needs = needs_of(weight, context.activations);
  Activations activations = reserve(context.scratch, needs, x.rows, weight.in, kernels.max_tile_rows);
  cut_tiles(activations, needs, x.rows, weight.in);
  base::FirstError failure;
  const auto prepare = [&](std::size_t t) {
    const ActivationTile& tile = activations.tiles[t];
    if (fill) failure.note(fill(tile.first_row, tile.rows));
    fill_tile(kernels, needs, x, tile);
  };
  if (x.rows * weight.in >= (fill ? kParallelFillValues : kParallelPreparationValues)) {
    context.pool.parallel_for(activations.tile_count, prepare);
  } else {
    for (std::size_t t = 0; t < activations.tile_count; ++t) prepare(t);
  }
  MARQUEE_CHECK(failure.take());
  const Product product{kernels, weight, activations,
                        bias,    y,      make_grid(weight, activations, x.rows, context.pool.size())};
  context.pool.parallel_for(product.grid.tasks, [&](std::size_t task) { multiply_task(product, task); });
  return {};
}

}  // namespace marquee::tensor
