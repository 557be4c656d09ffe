#include "tensor/autograd/product.h"

#include <algorithm>
#include <cstring>

#include "kernels/kernels.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/gemm.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::Activation;

/// The extents of a batch of products.
struct Batch {
  Batch(const Tensor& a, const Tensor& b, Transposed transposed) {
    const Shape& sa = a.shape();
    const Shape& sb = b.shape();
    const std::string both = "matmul: " + sa.to_string() + " and " + sb.to_string();
    if (sa.rank() < 2 || sb.rank() < 2) throw ShapeError(both + " are not matrices");
    m = static_cast<std::size_t>(sa[transposed.a ? -1 : -2]);
    k = static_cast<std::size_t>(sa[transposed.a ? -2 : -1]);
    n = static_cast<std::size_t>(sb[transposed.b ? -2 : -1]);
    if (static_cast<std::int64_t>(k) != sb[transposed.b ? -1 : -2]) throw ShapeError(both + " do not fit");
    const auto outer = [](const Shape& s) { return s.extents().first(s.rank() - 2); };
    const auto of_a = outer(sa);
    const auto of_b = outer(sb);
    if (!of_a.empty() && !of_b.empty() && !std::equal(of_a.begin(), of_a.end(), of_b.begin(), of_b.end())) {
      throw ShapeError(both + " are not as many matrices");
    }
    a_is_shared = of_a.empty() && !of_b.empty();
    b_is_shared = of_b.empty() && !of_a.empty();
    std::vector<std::int64_t> extents;
    for (const std::int64_t extent : of_a.empty() ? of_b : of_a) {
      extents.push_back(extent);
      count *= static_cast<std::size_t>(extent);
    }
    extents.push_back(static_cast<std::int64_t>(m));
    extents.push_back(static_cast<std::int64_t>(n));
    result = Shape(extents);
  }

  std::size_t count = 1, m = 0, n = 0, k = 0;
  bool a_is_shared = false, b_is_shared = false;
  Shape result;
};

struct Operand {
  const Tensor& tensor;
  bool transposed = false;
  bool is_shared = false;
};

/// c[i] = op(a[i]) op(b[i]) for each matrix of a batch; summed into one c if that is shared. Matrices come whole.
void multiply_batch(const Operand& a, const Operand& b, std::size_t count, const Gemm& sizes, float* c,
                    bool c_is_shared, float beta) {
  const std::size_t a_step = a.is_shared ? 0 : sizes.m * sizes.k;
  const std::size_t b_step = b.is_shared ? 0 : sizes.k * sizes.n;
  const auto one = [&](std::size_t i) {
    Gemm g = sizes;
    g.transpose_a = a.transposed;
    g.transpose_b = b.transposed;
    g.lda = a.transposed ? g.m : g.k;
    g.ldb = b.transposed ? g.k : g.n;
    g.ldc = g.n;
    g.a = a.tensor.data() + i * a_step;
    g.b = b.tensor.data() + i * b_step;
    g.c = c + (c_is_shared ? 0 : i * g.m * g.n);
    g.beta = c_is_shared && i > 0 ? 1.0F : beta;
    return g;
  };
  if (c_is_shared || count == 1) {
    for (std::size_t i = 0; i < count; ++i) gemm(one(i));
    return;
  }
  ComputeScope::current().team().parallel_for(count, [&](std::size_t i) { gemm_here(one(i)); });
}

/// The gradient of an operand, from products of dy and the other one.
void operand_gradient(Gradients& g, std::size_t input, const Operand& left, const Operand& right, std::size_t count,
                      const Gemm& sizes, bool is_shared) {
  if (!g.wanted(input)) return;
  auto place = g.place(input);
  if (count == 0) {
    if (place.fresh) std::memset(place.gradient.data(), 0, place.gradient.bytes());
    return;
  }
  multiply_batch(left, right, count, sizes, place.gradient.data(), is_shared, place.fresh ? 0.0F : 1.0F);
}

void add_bias_and_activate(float* row, const float* bias, std::size_t count, Activation activation) {
  if (bias != nullptr) kernels::kernels().add(bias, count, row);
  if (activation != Activation::kIdentity) kernels::kernels().activate(activation, row, count);
}

struct LinearShape {
  LinearShape(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    if (x.shape().rank() < 1 || weight.shape().rank() != 2 || x.extent(-1) != weight.extent(1)) {
      throw ShapeError("linear: " + x.shape().to_string() + " and a weight " + weight.shape().to_string() +
                       " do not fit");
    }
    in = static_cast<std::size_t>(weight.extent(1));
    out = static_cast<std::size_t>(weight.extent(0));
    rows = in == 0 ? 0 : static_cast<std::size_t>(x.elements()) / in;
    if (bias.defined() && !(bias.shape() == Shape{weight.extent(0)})) {
      throw ShapeError("linear: a bias " + bias.shape().to_string() + " of " + std::to_string(out) + " outputs");
    }
    result = x.shape().with(-1, weight.extent(0));
  }
  std::size_t rows = 0, in = 0, out = 0;
  Shape result;
};

void linear_backward(Gradients& g, const LinearShape& shape, const Tensor& x, const Tensor& weight, const Tensor& dz) {
  const auto rows = shape.rows;
  if (g.wanted(0)) {
    auto place = g.place(0);
    gemm({.m = rows,
          .n = shape.in,
          .k = shape.out,
          .a = dz.data(),
          .lda = shape.out,
          .b = weight.data(),
          .ldb = shape.in,
          .beta = place.fresh ? 0.0F : 1.0F,
          .c = place.gradient.data(),
          .ldc = shape.in});
  }
  if (g.wanted(1)) {
    auto place = g.place(1);
    gemm({.transpose_a = true,
          .m = shape.out,
          .n = shape.in,
          .k = rows,
          .a = dz.data(),
          .lda = shape.out,
          .b = x.data(),
          .ldb = shape.in,
          .beta = place.fresh ? 0.0F : 1.0F,
          .c = place.gradient.data(),
          .ldc = shape.in});
  }
  if (g.wanted(2)) {
    const auto flat = Shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(shape.out)};
    g.add(2, sum_values(dz.reshape(flat), 0).reshape({static_cast<std::int64_t>(shape.out)}));
  }
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, Transposed transposed) {
  const Batch batch(a, b, transposed);
  Tensor y = Tensor::empty(batch.result);
  if (batch.k == 0) {
    std::memset(y.data(), 0, y.bytes());
  } else {
    multiply_batch({a, transposed.a, batch.a_is_shared}, {b, transposed.b, batch.b_is_shared}, batch.count,
                   {.m = batch.m, .n = batch.n, .k = batch.k}, y.data(), false, 0.0F);
  }
  record(y, {a, b}, [a = a.detach(), b = b.detach(), transposed, batch](Gradients& g) {
    const Operand dy{g.output(), false, false};
    const Operand dy_t{g.output(), true, false};
    const Operand of_a{a, !transposed.a, batch.a_is_shared};
    const Operand of_b{b, !transposed.b, batch.b_is_shared};
    const std::size_t m = batch.m, n = batch.n, k = batch.k;
    // da = dy op(b)ᵀ, or its transpose op(b) dyᵀ; db likewise.
    if (!transposed.a) {
      operand_gradient(g, 0, dy, of_b, batch.count, {.m = m, .n = k, .k = n}, batch.a_is_shared);
    } else {
      operand_gradient(g, 0, {b, transposed.b, batch.b_is_shared}, dy_t, batch.count, {.m = k, .n = m, .k = n},
                       batch.a_is_shared);
    }
    if (!transposed.b) {
      operand_gradient(g, 1, of_a, dy, batch.count, {.m = k, .n = n, .k = m}, batch.b_is_shared);
    } else {
      operand_gradient(g, 1, dy_t, {a, transposed.a, batch.a_is_shared}, batch.count, {.m = n, .n = k, .k = m},
                       batch.b_is_shared);
    }
  });
  return y;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation) {
  const LinearShape shape(x, weight, bias);
  Tensor y = Tensor::empty(shape.result);
  gemm({.transpose_b = true,
        .m = shape.rows,
        .n = shape.out,
        .k = shape.in,
        .a = x.data(),
        .lda = shape.in,
        .b = weight.data(),
        .ldb = shape.in,
        .c = y.data(),
        .ldc = shape.out});
  const float* added = bias.defined() ? bias.data() : nullptr;
  // Only such an activation's slope cannot be told from what came out.
  const bool keeps_input = needs_input(activation) && Recording::is_on();
  Tensor z;
  if (keeps_input) z = Tensor::empty(shape.result);
  if (added != nullptr || activation != Activation::kIdentity) {
    parallel_ranges(shape.rows, row_grain(4 * shape.out),
                    [&, to = y.data(), input = keeps_input ? z.data() : nullptr](std::size_t begin, std::size_t end) {
                      for (std::size_t r = begin; r < end; ++r) {
                        float* row = to + r * shape.out;
                        add_bias_and_activate(row, added, shape.out, Activation::kIdentity);
                        if (keeps_input) std::memcpy(input + r * shape.out, row, shape.out * sizeof(float));
                        add_bias_and_activate(row, nullptr, shape.out, activation);
                      }
                    });
  }
  record(y, {x, weight, bias},
         [shape, activation, x = x.detach(), weight = weight.detach(), z, y = y.detach()](Gradients& g) {
           linear_backward(g, shape, x, weight, activation_backward(activation, g.output(), z, y));
         });
  return y;
}

}  // namespace marquee::tensor::autograd
