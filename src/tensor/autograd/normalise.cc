#include "tensor/autograd/normalise.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/training.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::training_kernels;

/// x as rows of `width` values.
struct NormRows {
  NormRows(const Tensor& x, const Tensor& gamma, const Tensor& beta, const char* operation)
      : width(static_cast<std::size_t>(x.extent(-1))),
        count(width == 0 ? 0 : static_cast<std::size_t>(x.elements()) / width) {
    const Shape expected{x.extent(-1)};
    if (!(gamma.shape() == expected) || (beta.defined() && !(beta.shape() == expected))) {
      throw ShapeError(std::string(operation) + ": gamma " + gamma.shape().to_string() + " for rows of " +
                       x.shape().to_string());
    }
  }
  std::size_t width;
  std::size_t count;
};

/// Sums of columns that the parts of a loop make by themselves, added up in the order of the parts.
class ColumnSums {
 public:
  ColumnSums(std::size_t parts, std::size_t width) : width_(width), sums_(parts * width, 0.0F) {}
  float* of(std::size_t part) { return sums_.data() + part * width_; }
  Tensor total() const {
    Tensor sum = Tensor::zeros({static_cast<std::int64_t>(width_)});
    for (std::size_t begin = 0; begin < sums_.size(); begin += width_) {
      kernels::kernels().add(sums_.data() + begin, width_, sum.data());
    }
    return sum;
  }

 private:
  std::size_t width_;
  std::vector<float> sums_;
};

void norm_backward(Gradients& g, const NormRows& rows, const Tensor& x, const Tensor& gamma, float epsilon,
                   void (*row_gradient)(const kernels::NormGradientRow&)) {
  const std::size_t parts = parts_of(rows.count, row_grain(4 * rows.width));
  ColumnSums of_gamma(parts, rows.width);
  ColumnSums of_beta(parts, rows.width);
  Tensor dx = Tensor::empty(x.shape());
  parallel_parts(rows.count, parts, [&, out = dx.data()](std::size_t part, std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      const std::size_t at = r * rows.width;
      row_gradient({.x = x.data() + at,
                    .gamma = gamma.data(),
                    .dy = g.output().data() + at,
                    .count = rows.width,
                    .epsilon = epsilon,
                    .dx = out + at,
                    .dgamma = of_gamma.of(part),
                    .dbeta = of_beta.of(part)});
    }
  });
  g.add(0, std::move(dx));
  g.add(1, of_gamma.total());
  if (g.wanted(2)) g.add(2, of_beta.total());
}

/// Of each column.
struct ColumnStatistics {
  Tensor mean;
  Tensor variance;
};

/// The mean over rows of what row_sum(row, sum) adds to a sum.
template <typename RowSum>
Tensor column_mean(const NormRows& rows, const float* x, RowSum row_sum) {
  const std::size_t parts = parts_of(rows.count, row_grain(rows.width));
  ColumnSums sums(parts, rows.width);
  parallel_parts(rows.count, parts, [&](std::size_t part, std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) row_sum(x + r * rows.width, sums.of(part));
  });
  Tensor mean = sums.total();
  for (std::size_t i = 0; i < rows.width; ++i) mean.data()[i] /= static_cast<float>(rows.count);
  return mean;
}

ColumnStatistics column_statistics(const NormRows& rows, const float* x) {
  ColumnStatistics statistics;
  statistics.mean =
      column_mean(rows, x, [&](const float* row, float* sum) { kernels::kernels().add(row, rows.width, sum); });
  statistics.variance = column_mean(rows, x, [&](const float* row, float* sum) {
    training_kernels().add_squared_difference(row, statistics.mean.data(), rows.width, sum);
  });
  return statistics;
}

/// y = x · scale + shift by columns.
Tensor scale_columns(const NormRows& rows, const Tensor& x, const std::vector<float>& scale,
                     const std::vector<float>& shift) {
  Tensor y = Tensor::empty(x.shape());
  parallel_ranges(rows.count, row_grain(rows.width),
                  [&, from = x.data(), to = y.data()](std::size_t begin, std::size_t end) {
                    for (std::size_t r = begin; r < end; ++r) {
                      const std::size_t at = r * rows.width;
                      training_kernels().multiply_add(from + at, scale.data(), shift.data(), rows.width, to + at);
                    }
                  });
  return y;
}

/// With x̂ the normalised x, N rows: dβ = Σ dy, dγ = Σ dy x̂, and dx = γ/σ · (dy - dβ/N - x̂ dγ/N), where the last two
/// are only there if the statistics were the batch's.
void batch_norm_backward(Gradients& g, const NormRows& rows, const Tensor& x, const Tensor& gamma,
                         const ColumnStatistics& statistics, float epsilon, bool training) {
  const std::size_t width = rows.width;
  const std::size_t parts = parts_of(rows.count, row_grain(2 * width));
  ColumnSums of_dy(parts, width);
  ColumnSums of_product(parts, width);
  const float* dy = g.output().data();
  parallel_parts(rows.count, parts, [&](std::size_t part, std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      kernels::kernels().add(dy + r * width, width, of_dy.of(part));
      training_kernels().add_product(dy + r * width, x.data() + r * width, width, of_product.of(part));
    }
  });
  const Tensor d_beta = of_dy.total();
  Tensor d_gamma = of_product.total();
  std::vector<float> of_gradient(width), of_x(width, 0.0F), constant(width, 0.0F);
  for (std::size_t i = 0; i < width; ++i) {
    const float mean = statistics.mean.data()[i];
    const float factor = 1.0F / std::sqrt(statistics.variance.data()[i] + epsilon);
    float& scaled = d_gamma.data()[i];
    scaled = (scaled - mean * d_beta.data()[i]) * factor;
    of_gradient[i] = gamma.data()[i] * factor;
    if (!training) continue;
    const auto count = static_cast<float>(rows.count);
    of_x[i] = -of_gradient[i] * scaled / count * factor;
    constant[i] = -of_gradient[i] * d_beta.data()[i] / count - of_x[i] * mean;
  }
  Tensor dx = scale_columns(rows, x, of_x, constant);
  parallel_ranges(rows.count, row_grain(width), [&, out = dx.data()](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) {
      training_kernels().add_product(dy + r * width, of_gradient.data(), width, out + r * width);
    }
  });
  g.add(0, std::move(dx));
  g.add(1, std::move(d_gamma));
  g.add(2, d_beta);
}

void move_towards(RunningStatistics& running, const ColumnStatistics& batch, std::size_t rows, std::size_t width) {
  const float kept = 1.0F - running.momentum;
  // A running variance is that of the population, which a batch's own comes out below.
  const float unbiased = static_cast<float>(rows) / static_cast<float>(rows - 1);
  for (std::size_t i = 0; i < width; ++i) {
    float& mean = running.mean.data()[i];
    float& variance = running.variance.data()[i];
    mean = kept * mean + running.momentum * batch.mean.data()[i];
    variance = kept * variance + running.momentum * unbiased * batch.variance.data()[i];
  }
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float epsilon) {
  const NormRows rows(x, gamma, beta, "layer_norm");
  Tensor y = Tensor::empty(x.shape());
  parallel_ranges(rows.count, row_grain(2 * rows.width),
                  [&, from = x.data(), to = y.data()](std::size_t begin, std::size_t end) {
                    for (std::size_t r = begin; r < end; ++r) {
                      const std::size_t at = r * rows.width;
                      kernels::kernels().layer_norm({.x = from + at,
                                                     .gamma = gamma.data(),
                                                     .beta = beta.defined() ? beta.data() : nullptr,
                                                     .count = rows.width,
                                                     .epsilon = epsilon,
                                                     .y = to + at});
                    }
                  });
  record(y, {x, gamma, beta}, [rows, x = x.detach(), gamma = gamma.detach(), epsilon](Gradients& g) {
    norm_backward(g, rows, x, gamma, epsilon, training_kernels().layer_norm_gradient);
  });
  return y;
}

Tensor rms_norm(const Tensor& x, const Tensor& gamma, float epsilon) {
  const NormRows rows(x, gamma, {}, "rms_norm");
  Tensor y = Tensor::empty(x.shape());
  parallel_ranges(
      rows.count, row_grain(2 * rows.width), [&, from = x.data(), to = y.data()](std::size_t begin, std::size_t end) {
        for (std::size_t r = begin; r < end; ++r) {
          const std::size_t at = r * rows.width;
          kernels::kernels().rms_norm(
              {.x = from + at, .gamma = gamma.data(), .count = rows.width, .epsilon = epsilon, .y = to + at});
        }
      });
  record(y, {x, gamma, Tensor()}, [rows, x = x.detach(), gamma = gamma.detach(), epsilon](Gradients& g) {
    norm_backward(g, rows, x, gamma, epsilon, training_kernels().rms_norm_gradient);
  });
  return y;
}

Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, RunningStatistics& running, bool training,
                  float epsilon) {
  const NormRows rows(x, gamma, beta, "batch_norm");
  if (training && rows.count < 2) throw ShapeError("batch_norm: a batch of one row has no variance");
  const ColumnStatistics statistics =
      training ? column_statistics(rows, x.data()) : ColumnStatistics{running.mean.clone(), running.variance.clone()};
  if (training) move_towards(running, statistics, rows.count, rows.width);
  std::vector<float> scale(rows.width), shift(rows.width);
  for (std::size_t i = 0; i < rows.width; ++i) {
    scale[i] = gamma.data()[i] / std::sqrt(statistics.variance.data()[i] + epsilon);
    shift[i] = beta.data()[i] - statistics.mean.data()[i] * scale[i];
  }
  Tensor y = scale_columns(rows, x, scale, shift);
  record(y, {x, gamma, beta},
         [rows, x = x.detach(), gamma = gamma.detach(), statistics, epsilon, training](Gradients& g) {
           batch_norm_backward(g, rows, x, gamma, statistics, epsilon, training);
         });
  return y;
}

}  // namespace marquee::tensor::autograd
