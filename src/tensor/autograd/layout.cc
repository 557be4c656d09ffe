#include "tensor/autograd/layout.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/training.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::training_kernels;

/// A permutation as a walk over the result: the offset in x of each of its innermost rows.
struct PermutedRows {
  PermutedRows(const Shape& x, std::span<const std::size_t> order) {
    std::array<std::int64_t, kMaxRank> strides{};
    std::int64_t stride = 1;
    for (std::size_t i = x.rank(); i-- > 0; stride *= x.extents()[i]) strides[i] = stride;
    std::vector<std::int64_t> extents;
    std::array<bool, kMaxRank> seen{};
    for (const std::size_t axis : order) {
      if (axis >= x.rank() || seen[axis]) throw ShapeError("permute: an order of axes of " + x.to_string());
      seen[axis] = true;
      step[extents.size()] = strides[axis];
      extents.push_back(x.extents()[axis]);
    }
    if (order.size() != x.rank()) throw ShapeError("permute: an order of axes of " + x.to_string());
    result = Shape(extents);
  }

  [[nodiscard]] std::int64_t offset(std::int64_t row) const {
    std::int64_t at = 0;
    for (std::size_t i = result.rank() - 1; i-- > 0;) {
      at += row % result.extents()[i] * step[i];
      row /= result.extents()[i];
    }
    return at;
  }

  Shape result;
  std::array<std::int64_t, kMaxRank> step{};
};

/// [slabs, height, width] with rows and columns changed, 16 by 16 so that both sides stay in the nearest cache.
void transpose_matrices(const float* from, std::size_t slabs, std::size_t height, std::size_t width, float* to) {
  constexpr std::size_t kTile = 16;
  const std::size_t bands = (height + kTile - 1) / kTile;
  parallel_ranges(slabs * bands, row_grain(kTile * width), [&](std::size_t begin, std::size_t end) {
    for (std::size_t band = begin; band < end; ++band) {
      const float* x = from + band / bands * height * width;
      float* y = to + band / bands * height * width;
      const std::size_t top = band % bands * kTile;
      const std::size_t bottom = std::min(height, top + kTile);
      for (std::size_t left = 0; left < width; left += kTile) {
        const std::size_t right = std::min(width, left + kTile);
        for (std::size_t j = left; j < right; ++j) {
          for (std::size_t i = top; i < bottom; ++i) y[j * height + i] = x[i * width + j];
        }
      }
    }
  });
}

Tensor permute_values(const Tensor& x, std::span<const std::size_t> order) {
  const PermutedRows rows(x.shape(), order);
  Tensor y = Tensor::empty(rows.result);
  const std::size_t rank = order.size();
  if (y.elements() == 0) return y;
  if (rank == 0) {
    *y.data() = *x.data();
    return y;
  }
  const auto width = static_cast<std::size_t>(rows.result[-1]);
  const std::int64_t step = rows.step[rank - 1];
  parallel_ranges(static_cast<std::size_t>(y.elements()) / width, row_grain(width),
                  [&, from = x.data(), to = y.data()](std::size_t begin, std::size_t end) {
                    for (std::size_t r = begin; r < end; ++r) {
                      const float* row = from + rows.offset(static_cast<std::int64_t>(r));
                      if (step == 1) {
                        std::memcpy(to + r * width, row, width * sizeof(float));
                      } else {
                        for (std::size_t i = 0; i < width; ++i)
                          to[r * width + i] = row[static_cast<std::int64_t>(i) * step];
                      }
                    }
                  });
  return y;
}

/// Copies between a tensor and a part of another along an axis: for every index of the axes before it one run.
struct Runs {
  Runs(const Shape& whole, std::size_t axis, std::int64_t begin, std::int64_t count)
      : outer(static_cast<std::size_t>(whole.outer(axis))),
        run(static_cast<std::size_t>(count * whole.inner(axis))),
        stride(static_cast<std::size_t>(whole.extents()[axis] * whole.inner(axis))),
        first(static_cast<std::size_t>(begin * whole.inner(axis))) {}

  void take(const float* whole, float* part) const {
    each_run([&](std::size_t i) { std::memcpy(part + i * run, whole + i * stride + first, run * sizeof(float)); });
  }
  void put(const float* part, float* whole) const {
    each_run([&](std::size_t i) { std::memcpy(whole + i * stride + first, part + i * run, run * sizeof(float)); });
  }
  void clear(float* whole) const {
    each_run([&](std::size_t i) { std::memset(whole + i * stride + first, 0, run * sizeof(float)); });
  }
  template <typename Body>
  void each_run(Body body) const {
    parallel_ranges(outer, row_grain(run), [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) body(i);
    });
  }
  std::size_t outer, run, stride, first;
};

std::vector<std::int64_t> checked_indices(const Tensor& indices, std::int64_t limit) {
  std::vector<std::int64_t> values = indices.index_values();
  for (const std::int64_t value : values) {
    if (value < 0 || value >= limit) {
      throw ShapeError("index " + std::to_string(value) + " of " + std::to_string(limit));
    }
  }
  return values;
}

/// Where the elements of an index tensor point to in x.
std::vector<std::int64_t> pointed_offsets(const Shape& x, std::int64_t axis, const Tensor& index) {
  const std::size_t at = x.axis_index(axis);
  if (!(x.with(axis, 1) == index.shape().with(axis, 1))) {
    throw ShapeError("an index " + index.shape().to_string() + " into " + x.to_string());
  }
  std::vector<std::int64_t> offsets = checked_indices(index, x.extents()[at]);
  const std::int64_t inner = x.inner(at);
  const std::int64_t slab = index.shape().extents()[at] * inner;
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i);
    offsets[i] = (position / slab * x.extents()[at] + offsets[i]) * inner + position % inner;
  }
  return offsets;
}

}  // namespace

Tensor permute(const Tensor& x, std::span<const std::size_t> order) {
  Tensor y = permute_values(x, order);
  std::vector<std::size_t> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) back[order[i]] = i;
  record(y, {x}, [back](Gradients& g) { g.add(0, permute_values(g.output(), back)); });
  return y;
}

Tensor transpose(const Tensor& x) {
  const Shape& shape = x.shape();
  if (shape.rank() < 2) throw ShapeError("transpose of " + shape.to_string());
  Tensor y = Tensor::empty(shape.with(-1, shape[-2]).with(-2, shape[-1]));
  const auto height = static_cast<std::size_t>(shape[-2]);
  const auto width = static_cast<std::size_t>(shape[-1]);
  transpose_matrices(x.data(), static_cast<std::size_t>(shape.outer(shape.rank() - 2)), height, width, y.data());
  record(y, {x}, [](Gradients& g) { g.add(0, transpose(g.output())); });
  return y;
}

Tensor concatenate(std::span<const Tensor> parts, std::int64_t axis) {
  if (parts.empty()) throw ShapeError("concatenate() of nothing");
  const std::size_t at = parts[0].shape().axis_index(axis);
  std::int64_t length = 0;
  for (const Tensor& part : parts) {
    if (!(part.shape().with(axis, 1) == parts[0].shape().with(axis, 1))) {
      throw ShapeError("concatenate: " + parts[0].shape().to_string() + " and " + part.shape().to_string());
    }
    length += part.extent(axis);
  }
  Tensor y = Tensor::empty(parts[0].shape().with(axis, length));
  std::vector<Runs> runs;
  std::int64_t begin = 0;
  for (const Tensor& part : parts) {
    runs.emplace_back(y.shape(), at, begin, part.extent(axis));
    runs.back().put(part.data(), y.data());
    begin += part.extent(axis);
  }
  Tensor* const outputs[] = {&y};
  std::vector<Shape> shapes;
  for (const Tensor& part : parts) shapes.push_back(part.shape());
  record(outputs, {parts.begin(), parts.end()}, [runs, shapes](Gradients& g) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (!g.wanted(i)) continue;
      Tensor part = Tensor::empty(shapes[i]);
      runs[i].take(g.output().data(), part.data());
      g.add(i, std::move(part));
    }
  });
  return y;
}

Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t begin, std::int64_t count) {
  const std::size_t at = x.shape().axis_index(axis);
  if (begin < 0 || count < 0 || begin > x.extent(axis) - count) {
    throw ShapeError("slice: " + std::to_string(count) + " from " + std::to_string(begin) + " of axis " +
                     std::to_string(axis) + " of " + x.shape().to_string());
  }
  Tensor y = Tensor::empty(x.shape().with(axis, count));
  const Runs runs(x.shape(), at, begin, count);
  runs.take(x.data(), y.data());
  record(y, {x}, [runs, shape = x.shape()](Gradients& g) {
    Tensor dx = Tensor::zeros(shape);
    runs.put(g.output().data(), dx.data());
    g.add(0, std::move(dx));
  });
  return y;
}

std::vector<Tensor> split(const Tensor& x, std::int64_t axis, std::span<const std::int64_t> counts) {
  const std::size_t at = x.shape().axis_index(axis);
  std::vector<Tensor> parts;
  std::vector<Runs> runs;
  std::int64_t begin = 0;
  for (const std::int64_t count : counts) {
    if (count < 0 || count > x.extent(axis) - begin) break;
    parts.push_back(Tensor::empty(x.shape().with(axis, count)));
    runs.emplace_back(x.shape(), at, begin, count);
    begin += count;
  }
  if (parts.size() != counts.size() || begin != x.extent(axis)) {
    throw ShapeError("split: parts that are not the whole of axis " + std::to_string(axis) + " of " +
                     x.shape().to_string());
  }
  std::vector<Tensor*> outputs;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    runs[i].take(x.data(), parts[i].data());
    outputs.push_back(&parts[i]);
  }
  record(outputs, {x}, [runs, shape = x.shape()](Gradients& g) {
    Tensor dx = Tensor::empty(shape);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (g.output(i).defined()) {
        runs[i].put(g.output(i).data(), dx.data());
      } else {
        runs[i].clear(dx.data());
      }
    }
    g.add(0, std::move(dx));
  });
  return parts;
}

Tensor embedding(const Tensor& table, const Tensor& indices, std::int64_t padding) {
  if (table.shape().rank() != 2) throw ShapeError("embedding: a table " + table.shape().to_string());
  const auto width = static_cast<std::size_t>(table.extent(1));
  std::vector<std::int64_t> rows = checked_indices(indices, table.extent(0));
  std::vector<std::int64_t> extents(indices.shape().extents().begin(), indices.shape().extents().end());
  extents.push_back(table.extent(1));
  Tensor y = Tensor::empty(Shape(extents));
  const bool is_bf16 = table.dtype() == DType::kBF16;
  parallel_ranges(rows.size(), row_grain(width), [&, to = y.data()](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t from = static_cast<std::size_t>(rows[i]) * width;
      if (is_bf16) {
        training_kernels().bf16_to_f32(table.bf16_data() + from, width, to + i * width);
      } else {
        std::memcpy(to + i * width, table.data() + from, width * sizeof(float));
      }
    }
  });
  record(y, {table}, [rows = std::move(rows), width, padding](Gradients& g) {
    auto place = g.place(0);
    float* to = place.gradient.data();
    if (place.fresh) std::memset(to, 0, place.gradient.bytes());
    // Columns are shared out, not rows: an index may come twice.
    parallel_ranges((width + 15) / 16, row_grain(16 * rows.size()), [&](std::size_t begin, std::size_t end) {
      const std::size_t first = begin * 16;
      const std::size_t count = std::min(width, end * 16) - first;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] == padding) continue;
        kernels::kernels().add(g.output().data() + i * width + first, count,
                               to + static_cast<std::size_t>(rows[i]) * width + first);
      }
    });
  });
  return y;
}

Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index) {
  std::vector<std::int64_t> offsets = pointed_offsets(x.shape(), axis, index);
  Tensor y = Tensor::empty(index.shape());
  const float* from = x.data();
  std::transform(offsets.begin(), offsets.end(), y.data(), [from](std::int64_t offset) { return from[offset]; });
  record(y, {x}, [offsets = std::move(offsets), shape = x.shape()](Gradients& g) {
    Tensor dx = Tensor::zeros(shape);
    const float* dy = g.output().data();
    for (std::size_t i = 0; i < offsets.size(); ++i) dx.data()[offsets[i]] += dy[i];
    g.add(0, std::move(dx));
  });
  return y;
}

Tensor scatter_add(const Tensor& x, std::int64_t axis, const Tensor& index, const Tensor& source) {
  if (!(index.shape() == source.shape())) {
    throw ShapeError("scatter_add: an index " + index.shape().to_string() + " of " + source.shape().to_string());
  }
  const std::vector<std::int64_t> offsets = pointed_offsets(x.shape(), axis, index);
  Tensor y = x.clone();
  for (std::size_t i = 0; i < offsets.size(); ++i) y.data()[offsets[i]] += source.data()[i];
  record(y, {x, source}, [axis, index](Gradients& g) {
    if (g.wanted(0)) g.add(0, g.output());
    if (g.wanted(1)) g.add(1, gather(g.output(), axis, index));
  });
  return y;
}

}  // namespace marquee::tensor::autograd
