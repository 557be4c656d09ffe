#include "tensor/autograd/softmax.h"

#include <cstring>

#include "kernels/kernels.h"
#include "kernels/training.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::training_kernels;

struct SoftmaxRows {
  explicit SoftmaxRows(const Tensor& x)
      : width(static_cast<std::size_t>(x.extent(-1))),
        count(width == 0 ? 0 : static_cast<std::size_t>(x.elements()) / width) {}
  std::size_t width;
  std::size_t count;

  /// body(row, offset of its first element)
  template <typename Body>
  void each(Body body) const {
    parallel_ranges(count, row_grain(4 * width), [&](std::size_t begin, std::size_t end) {
      for (std::size_t r = begin; r < end; ++r) body(r, r * width);
    });
  }
};

using RowGradient = void (*)(const float*, const float*, std::size_t, float*);

void record_row_gradient(Tensor& y, const Tensor& x, RowGradient gradient) {
  record(y, {x}, [y = y.detach(), gradient](Gradients& g) {
    Tensor dx = Tensor::empty(y.shape());
    const SoftmaxRows rows(y);
    rows.each([&, out = dx.data()](std::size_t, std::size_t at) {
      gradient(y.data() + at, g.output().data() + at, rows.width, out + at);
    });
    g.add(0, std::move(dx));
  });
}

/// What a cross-entropy compares each row with: `smooth` for every class (times its weight), `sharp` on top for the
/// target (times its weight).
struct Targets {
  Targets(const Tensor& logits, const Tensor& indices, const CrossEntropyOptions& options)
      : classes(static_cast<std::size_t>(logits.extent(-1))), target(indices.index_values()) {
    if (!(indices.shape() == logits.shape().without(-1))) {
      throw ShapeError("cross_entropy: targets " + indices.shape().to_string() + " of logits " +
                       logits.shape().to_string());
    }
    if (!(options.label_smoothing >= 0.0F && options.label_smoothing < 1.0F)) {
      throw ShapeError("cross_entropy: label_smoothing is in [0, 1)");
    }
    if (options.class_weights.defined()) weights = options.class_weights.detach();
    if (weights.defined() && !(weights.shape() == Shape{logits.extent(-1)})) {
      throw ShapeError("cross_entropy: " + weights.shape().to_string() + " weights of classes");
    }
    smooth = options.label_smoothing / static_cast<float>(classes);
    sharp = 1.0F - options.label_smoothing;
    all_weights = weights.defined() ? training_kernels().sum(weights.data(), classes) : static_cast<float>(classes);
    for (std::int64_t& index : target) {
      if (index == options.ignore_index) {
        index = -1;
        continue;
      }
      if (index < 0 || index >= static_cast<std::int64_t>(classes)) {
        throw ShapeError("cross_entropy: target " + std::to_string(index) + " of " + std::to_string(classes) +
                         " classes");
      }
      total += weight(index);
    }
  }
  [[nodiscard]] float weight(std::int64_t index) const { return weights.defined() ? weights.data()[index] : 1.0F; }
  /// Σ over classes of what the row is compared with.
  [[nodiscard]] float row_total(std::int64_t index) const { return sharp * weight(index) + smooth * all_weights; }

  [[nodiscard]] float loss(const float* row, float log_sum, std::int64_t index) const {
    float expected = sharp * weight(index) * row[index];
    if (smooth > 0.0F) {
      expected += smooth * (weights.defined() ? training_kernels().dot(weights.data(), row, classes)
                                              : training_kernels().sum(row, classes));
    }
    return row_total(index) * log_sum - expected;
  }
  void gradient(const float* row, float log_sum, std::int64_t index, float scale, float* out) const {
    const float shift = weights.defined() ? 0.0F : -scale * smooth;
    training_kernels().scaled_softmax(row, log_sum, scale * row_total(index), shift, classes, out);
    if (weights.defined() && smooth > 0.0F)
      training_kernels().add_scaled(-scale * smooth, weights.data(), classes, out);
    out[index] -= scale * sharp * weight(index);
  }

  std::size_t classes;
  std::vector<std::int64_t> target;  ///< -1: ignored
  Tensor weights;
  float smooth = 0.0F;
  float sharp = 1.0F;
  float all_weights = 0.0F;
  double total = 0.0;  ///< of the weights of rows that count
};

}  // namespace

Tensor softmax(const Tensor& x) {
  Tensor y = x.clone();
  const SoftmaxRows rows(y);
  rows.each([&, to = y.data()](std::size_t, std::size_t at) { kernels::kernels().softmax(to + at, rows.width); });
  record_row_gradient(y, x, training_kernels().softmax_gradient);
  return y;
}

Tensor log_softmax(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape());
  const SoftmaxRows rows(y);
  rows.each([&, from = x.data(), to = y.data()](std::size_t, std::size_t at) {
    const float log_sum = training_kernels().log_sum_exp(from + at, rows.width);
    training_kernels().binary(kernels::BinaryOp::kSubtract, {from + at, &log_sum, false, true, rows.width, to + at});
  });
  record_row_gradient(y, x, training_kernels().log_softmax_gradient);
  return y;
}

Tensor cross_entropy(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options) {
  const Targets compared(logits, targets, options);
  const SoftmaxRows rows(logits);
  std::vector<float> log_sums(rows.count);
  std::vector<float> losses(rows.count, 0.0F);
  rows.each([&, from = logits.data()](std::size_t r, std::size_t at) {
    if (compared.target[r] < 0) return;
    log_sums[r] = training_kernels().log_sum_exp(from + at, rows.width);
    losses[r] = compared.loss(from + at, log_sums[r], compared.target[r]);
  });
  double loss = 0.0;
  for (const float row : losses) loss += row;
  if (compared.total > 0.0) loss /= compared.total;
  Tensor y = Tensor::full({}, static_cast<float>(loss));
  record(y, {logits}, [compared, rows, log_sums = std::move(log_sums), x = logits.detach()](Gradients& g) {
    const float scale = compared.total > 0.0 ? g.output().item() / static_cast<float>(compared.total) : 0.0F;
    Tensor dx = Tensor::empty(x.shape());
    rows.each([&, out = dx.data()](std::size_t r, std::size_t at) {
      if (compared.target[r] < 0) {
        std::memset(out + at, 0, rows.width * sizeof(float));
      } else {
        compared.gradient(x.data() + at, log_sums[r], compared.target[r], scale, out + at);
      }
    });
    g.add(0, std::move(dx));
  });
  return y;
}

}  // namespace marquee::tensor::autograd
