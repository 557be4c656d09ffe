#include "tensor/autograd/reduce.h"

#include <algorithm>
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/training.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::training_kernels;

/// x as [outer, length, inner] around an axis.
struct AxisView {
  AxisView(const Tensor& x, std::int64_t axis)
      : index(x.shape().axis_index(axis)),
        outer(static_cast<std::size_t>(x.shape().outer(index))),
        length(static_cast<std::size_t>(x.shape().extents()[index])),
        inner(static_cast<std::size_t>(x.shape().inner(index))) {}

  std::size_t index;
  std::size_t outer;
  std::size_t length;
  std::size_t inner;
};

/// One column of sums takes the rows of its slab one by one; with one slab its width is shared out.
void sum_slabs(const AxisView& view, const float* from, float* to) {
  const std::size_t slabs_worth = row_grain(view.length * view.inner);
  const auto add_rows = [&](std::size_t slab, std::size_t begin, std::size_t width) {
    float* row = to + slab * view.inner + begin;
    std::memset(row, 0, width * sizeof(float));
    for (std::size_t i = 0; i < view.length; ++i) {
      kernels::kernels().add(from + (slab * view.length + i) * view.inner + begin, width, row);
    }
  };
  if (view.outer == 1) {
    parallel_ranges((view.inner + 15) / 16, row_grain(16 * view.length), [&](std::size_t begin, std::size_t end) {
      const std::size_t first = begin * 16;
      add_rows(0, first, std::min(view.inner, end * 16) - first);
    });
    return;
  }
  parallel_ranges(view.outer, slabs_worth, [&](std::size_t begin, std::size_t end) {
    for (std::size_t slab = begin; slab < end; ++slab) add_rows(slab, 0, view.inner);
  });
}

/// The indices of the largest along an axis, [outer, inner].
std::vector<std::int32_t> find_largest(const Tensor& x, const AxisView& view) {
  if (view.length == 0) throw ShapeError("there is no largest of nothing: " + x.shape().to_string());
  std::vector<std::int32_t> best(view.outer * view.inner, 0);
  const float* from = x.data();
  for (std::size_t slab = 0; slab < view.outer; ++slab) {
    const float* values = from + slab * view.length * view.inner;
    for (std::size_t i = 1; i < view.length; ++i) {
      for (std::size_t j = 0; j < view.inner; ++j) {
        std::int32_t& index = best[slab * view.inner + j];
        if (values[i * view.inner + j] > values[static_cast<std::size_t>(index) * view.inner + j]) {
          index = static_cast<std::int32_t>(i);
        }
      }
    }
  }
  return best;
}

/// Offset in x of each of those.
template <typename Body>
void for_each_largest(const AxisView& view, const std::int32_t* best, Body body) {
  for (std::size_t slab = 0; slab < view.outer; ++slab) {
    for (std::size_t j = 0; j < view.inner; ++j) {
      const std::size_t at = slab * view.inner + j;
      body(at, (slab * view.length + static_cast<std::size_t>(best[at])) * view.inner + j);
    }
  }
}

}  // namespace

Tensor sum_values(const Tensor& x, std::int64_t axis) {
  const AxisView view(x, axis);
  Tensor y = Tensor::empty(x.shape().with(axis, 1));
  const float* from = x.data();
  float* to = y.data();
  if (view.inner == 1) {
    parallel_ranges(view.outer, row_grain(view.length), [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) to[i] = training_kernels().sum(from + i * view.length, view.length);
    });
  } else {
    sum_slabs(view, from, to);
  }
  return y;
}

Tensor sum(const Tensor& x, std::int64_t axis) {
  Tensor y = sum_values(x, axis).detach();
  const Shape stretched = y.shape();
  y = y.reshape(x.shape().without(axis));
  record(y, {x}, [from = x.shape(), stretched](Gradients& g) {
    g.add(0, binary_values(kernels::BinaryOp::kAdd, g.output().reshape(stretched), Tensor::zeros(from)));
  });
  return y;
}

Tensor mean(const Tensor& x, std::int64_t axis) {
  return affine(sum(x, axis), 1.0F / static_cast<float>(x.extent(axis)));
}

Tensor sum(const Tensor& x) { return sum(x.reshape({x.elements()}), 0); }
Tensor mean(const Tensor& x) { return affine(sum(x), 1.0F / static_cast<float>(x.elements())); }

Tensor largest(const Tensor& x, std::int64_t axis) {
  const AxisView view(x, axis);
  const Tensor best = index_of_largest(x, axis);
  Tensor y = Tensor::empty(best.shape());
  for_each_largest(view, best.i32_data(),
                   [&, from = x.data(), to = y.data()](std::size_t at, std::size_t offset) { to[at] = from[offset]; });
  record(y, {x}, [view, best, from = x.shape()](Gradients& g) {
    Tensor dx = Tensor::zeros(from);
    for_each_largest(
        view, best.i32_data(),
        [&, dy = g.output().data(), to = dx.data()](std::size_t at, std::size_t offset) { to[offset] = dy[at]; });
    g.add(0, std::move(dx));
  });
  return y;
}

Tensor index_of_largest(const Tensor& x, std::int64_t axis) {
  return Tensor::from(x.shape().without(axis), std::span<const std::int32_t>(find_largest(x, AxisView(x, axis))));
}

}  // namespace marquee::tensor::autograd
