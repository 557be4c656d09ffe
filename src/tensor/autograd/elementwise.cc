#include "tensor/autograd/elementwise.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "kernels/kernels.h"
#include "tensor/autograd/broadcast.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::BinaryOp;
using kernels::training_kernels;
using kernels::UnaryOp;

/// body(first element, count) over the elements of y.
template <typename Body>
void over_elements(const Tensor& y, Body body) {
  parallel_ranges(static_cast<std::size_t>(y.elements()), kElementGrain,
                  [&](std::size_t begin, std::size_t end) { body(begin, end - begin); });
}

Tensor unary(UnaryOp op, const Tensor& x) {
  Tensor y = Tensor::empty(x.shape());
  const float* from = x.data();
  float* to = y.data();
  over_elements(y, [&](std::size_t i, std::size_t n) { training_kernels().unary(op, from + i, n, to + i); });
  record(y, {x}, [op, x = x.detach(), y = y.detach()](Gradients& g) {
    const Tensor& dy = g.output();
    Tensor dx = Tensor::empty(x.shape());
    over_elements(dx, [&, out = dx.data()](std::size_t i, std::size_t n) {
      training_kernels().unary_gradient(op, x.data() + i, y.data() + i, dy.data() + i, n, out + i);
    });
    g.add(0, std::move(dx));
  });
  return y;
}

/// Where a wins over b: 1, or 1/2 where they are equal.
Tensor share(BinaryOp greater, const Tensor& a, const Tensor& b) {
  const bool lesser_wins = greater == BinaryOp::kMinimum;
  const Tensor wins = lesser_wins ? binary_values(BinaryOp::kGreater, b, a) : binary_values(BinaryOp::kGreater, a, b);
  const Tensor half = binary_values(BinaryOp::kMultiply, binary_values(BinaryOp::kEqual, a, b), Tensor::full({}, 0.5F));
  return binary_values(BinaryOp::kAdd, wins, half);
}

Tensor extreme(BinaryOp op, const Tensor& a, const Tensor& b) {
  Tensor y = binary_values(op, a, b);
  record(y, {a, b}, [op, a = a.detach(), b = b.detach()](Gradients& g) {
    const auto pass = [&](std::size_t input, const Tensor& mine, const Tensor& other) {
      if (!g.wanted(input)) return;
      g.add(input, sum_to(binary_values(BinaryOp::kMultiply, g.output(), share(op, mine, other)), mine.shape()));
    };
    pass(0, a, b);
    pass(1, b, a);
  });
  return y;
}

}  // namespace

Tensor binary_values(BinaryOp op, const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast(a.shape(), b.shape(), "an operation on two tensors");
  Tensor y = Tensor::empty(shape);
  if (shape.elements() == 0) return y;
  const BroadcastWalk walk(a.shape(), b.shape(), shape);
  const float* from_a = a.data();
  const float* from_b = b.data();
  float* to = y.data();
  if (walk.runs == 1) {
    over_elements(y, [&](std::size_t i, std::size_t n) {
      training_kernels().binary(op, {from_a + (walk.a_stays ? 0 : i), from_b + (walk.b_stays ? 0 : i), walk.a_stays,
                                     walk.b_stays, n, to + i});
    });
    return y;
  }
  const auto run = static_cast<std::size_t>(walk.run);
  parallel_ranges(static_cast<std::size_t>(walk.runs), row_grain(run), [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const auto at = walk.at(static_cast<std::int64_t>(r));
      training_kernels().binary(op, {from_a + at.a, from_b + at.b, walk.a_stays, walk.b_stays, run, to + r * run});
    }
  });
  return y;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Tensor y = x;
  const std::size_t extra = x.shape().rank() - shape.rank();
  for (std::size_t axis = 0; axis < x.shape().rank(); ++axis) {
    const std::int64_t wanted = axis < extra ? 1 : shape.extents()[axis - extra];
    if (wanted == 1 && x.shape().extents()[axis] != 1) y = sum_values(y, static_cast<std::int64_t>(axis));
  }
  return y.reshape(shape);
}

Tensor add(const Tensor& a, const Tensor& b) {
  Tensor y = binary_values(BinaryOp::kAdd, a, b);
  record(y, {a, b}, [a = a.shape(), b = b.shape()](Gradients& g) {
    if (g.wanted(0)) g.add(0, sum_to(g.output(), a));
    if (g.wanted(1)) g.add(1, sum_to(g.output(), b));
  });
  return y;
}

Tensor subtract(const Tensor& a, const Tensor& b) {
  Tensor y = binary_values(BinaryOp::kSubtract, a, b);
  record(y, {a, b}, [a = a.shape(), b = b.shape()](Gradients& g) {
    if (g.wanted(0)) g.add(0, sum_to(g.output(), a));
    if (g.wanted(1)) g.add(1, negate(sum_to(g.output(), b)));
  });
  return y;
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  Tensor y = binary_values(BinaryOp::kMultiply, a, b);
  record(y, {a, b}, [a = a.detach(), b = b.detach()](Gradients& g) {
    if (g.wanted(0)) g.add(0, sum_to(binary_values(BinaryOp::kMultiply, g.output(), b), a.shape()));
    if (g.wanted(1)) g.add(1, sum_to(binary_values(BinaryOp::kMultiply, g.output(), a), b.shape()));
  });
  return y;
}

Tensor divide(const Tensor& a, const Tensor& b) {
  Tensor y = binary_values(BinaryOp::kDivide, a, b);
  record(y, {a, b}, [a = a.shape(), b = b.detach(), y = y.detach()](Gradients& g) {
    const Tensor by_b = binary_values(BinaryOp::kDivide, g.output(), b);
    if (g.wanted(0)) g.add(0, sum_to(by_b, a));
    if (g.wanted(1)) g.add(1, negate(sum_to(binary_values(BinaryOp::kMultiply, by_b, y), b.shape())));
  });
  return y;
}

Tensor maximum(const Tensor& a, const Tensor& b) { return extreme(BinaryOp::kMaximum, a, b); }
Tensor minimum(const Tensor& a, const Tensor& b) { return extreme(BinaryOp::kMinimum, a, b); }

Tensor affine(const Tensor& x, float scale, float shift) {
  Tensor y = Tensor::empty(x.shape());
  const float* from = x.data();
  float* to = y.data();
  over_elements(y, [&](std::size_t i, std::size_t n) {
    std::fill_n(to + i, n, shift);
    training_kernels().add_scaled(scale, from + i, n, to + i);
  });
  record(y, {x}, [scale](Gradients& g) { g.add(0, affine(g.output(), scale)); });
  return y;
}

Tensor negate(const Tensor& x) { return unary(UnaryOp::kNegate, x); }
Tensor absolute(const Tensor& x) { return unary(UnaryOp::kAbs, x); }
Tensor square(const Tensor& x) { return unary(UnaryOp::kSquare, x); }
Tensor square_root(const Tensor& x) { return unary(UnaryOp::kSqrt, x); }
Tensor exponential(const Tensor& x) { return unary(UnaryOp::kExp, x); }
Tensor logarithm(const Tensor& x) { return unary(UnaryOp::kLog, x); }

Tensor activate(Activation activation, const Tensor& x) {
  Tensor y = Tensor::empty(x.shape());
  const float* from = x.data();
  float* to = y.data();
  over_elements(y, [&](std::size_t i, std::size_t n) {
    std::memcpy(to + i, from + i, n * sizeof(float));
    kernels::kernels().activate(activation, to + i, n);
  });
  const Tensor kept = needs_input(activation) ? x.detach() : Tensor();
  record(y, {x}, [activation, kept, y = y.detach()](Gradients& g) {
    g.add(0, activation_backward(activation, g.output(), kept, y));
  });
  return y;
}

Tensor activation_backward(Activation activation, const Tensor& dy, const Tensor& z, const Tensor& y) {
  if (activation == Activation::kIdentity) return dy;
  const float* input = z.defined() ? z.data() : nullptr;
  Tensor dz = Tensor::empty(dy.shape());
  over_elements(dz, [&, out = dz.data()](std::size_t i, std::size_t n) {
    training_kernels().activation_gradient(activation, input == nullptr ? nullptr : input + i, y.data() + i,
                                           dy.data() + i, n, out + i);
  });
  return dz;
}

Tensor clamp(const Tensor& x, float low, float high) {
  const Tensor floor = Tensor::full({}, low);
  const Tensor ceiling = Tensor::full({}, high);
  Tensor y = binary_values(BinaryOp::kMinimum, binary_values(BinaryOp::kMaximum, x, floor), ceiling);
  record(y, {x}, [x = x.detach(), y = y.detach()](Gradients& g) {
    g.add(0, binary_values(BinaryOp::kMultiply, g.output(), binary_values(BinaryOp::kEqual, x, y)));
  });
  return y;
}

Tensor dropout_mask(const Shape& shape, float p) {
  if (!(p >= 0.0F && p < 1.0F)) throw ShapeError("dropout takes a probability in [0, 1), not " + std::to_string(p));
  Random& random = ComputeScope::current().random;
  const std::uint64_t stream = random.take_stream();
  Tensor mask = Tensor::empty(shape);
  constexpr std::size_t kGroup = 64;  // values of sixteen counters, which a kernel computes together
  const auto count = static_cast<std::size_t>(mask.elements());
  // unit_float() of a word is below p exactly where its 24 bits are below this.
  const auto below = static_cast<std::uint32_t>(std::ceil(p * 0x1p24F));
  parallel_ranges((count + kGroup - 1) / kGroup, kElementGrain / kGroup / 4,
                  [&, to = mask.data()](std::size_t begin, std::size_t end) {
                    training_kernels().dropout_mask({.first_counter = begin * (kGroup / 4),
                                                     .stream = stream,
                                                     .key = random.seed,
                                                     .below = below,
                                                     .kept = 1.0F / (1.0F - p),
                                                     .count = std::min(count, end * kGroup) - begin * kGroup,
                                                     .y = to + begin * kGroup});
                  });
  return mask;
}

Tensor dropout(const Tensor& x, float p) { return p == 0.0F ? x : multiply(x, dropout_mask(x.shape(), p)); }

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::empty(x.shape(), dtype);
  if (dtype == DType::kBF16) {
    const float* from = x.data();
    std::uint16_t* to = y.bf16_data();
    over_elements(y,
                  [&](std::size_t i, std::size_t n) { kernels::training_kernels().f32_to_bf16(from + i, n, to + i); });
  } else {
    if (dtype != DType::kF32) throw ShapeError("cast() is between f32 and bf16");
    const std::uint16_t* from = x.bf16_data();
    float* to = y.data();
    over_elements(y,
                  [&](std::size_t i, std::size_t n) { kernels::training_kernels().bf16_to_f32(from + i, n, to + i); });
  }
  record(y, {x}, [](Gradients& g) { g.add(0, g.output()); });
  return y;
}

}  // namespace marquee::tensor::autograd
