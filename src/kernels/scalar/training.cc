#include "kernels/training.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/tables.h"

namespace marquee::kernels {
namespace scalar {
namespace {

float sign_of(float x) { return x > 0.0F ? 1.0F : (x < 0.0F ? -1.0F : 0.0F); }
float logistic(float x) { return 1.0F / (1.0F + std::exp(-x)); }
float logistic_slope(float y) { return y * (1.0F - y); }

float apply(UnaryOp op, float x) {
  switch (op) {
    case UnaryOp::kNegate: return -x;
    case UnaryOp::kAbs: return std::fabs(x);
    case UnaryOp::kSquare: return x * x;
    case UnaryOp::kSqrt: return std::sqrt(x);
    case UnaryOp::kExp: return std::exp(x);
    case UnaryOp::kLog: return std::log(x);
  }
  return x;
}

float slope(UnaryOp op, float x, float y) {
  switch (op) {
    case UnaryOp::kNegate: return -1.0F;
    case UnaryOp::kAbs: return sign_of(x);
    case UnaryOp::kSquare: return 2.0F * x;
    case UnaryOp::kSqrt: return 0.5F / y;
    case UnaryOp::kExp: return y;
    case UnaryOp::kLog: return 1.0F / x;
  }
  return 1.0F;
}

float silu_slope(float x) {
  const float s = logistic(x);
  return s * (1.0F + x * (1.0F - s));
}

float gelu_tanh_slope(float x) {
  constexpr float kTwiceRoot = 1.5957691216057307F;  // 2 √(2/π)
  const float s = logistic(kTwiceRoot * (x + 0.044715F * x * x * x));
  return s + x * s * (1.0F - s) * kTwiceRoot * (1.0F + 3.0F * 0.044715F * x * x);
}

float gelu_erf_slope(float x) {
  return 0.5F * std::erfc(-x * 0.70710678118654752F) + x * 0.3989422804014327F * std::exp(-0.5F * x * x);
}

float slope(Activation activation, float x, float y) {
  switch (activation) {
    case Activation::kIdentity: return 1.0F;
    case Activation::kSilu: return silu_slope(x);
    case Activation::kGeluTanh: return gelu_tanh_slope(x);
    case Activation::kGeluErf: return gelu_erf_slope(x);
    case Activation::kRelu: return y > 0.0F ? 1.0F : 0.0F;
    case Activation::kLeakyRelu: return y > 0.0F ? 1.0F : 0.01F;
    case Activation::kTanh: return 1.0F - y * y;
    case Activation::kSigmoid: return logistic_slope(y);
  }
  return 1.0F;
}

float apply(BinaryOp op, float a, float b) {
  switch (op) {
    case BinaryOp::kAdd: return a + b;
    case BinaryOp::kSubtract: return a - b;
    case BinaryOp::kMultiply: return a * b;
    case BinaryOp::kDivide: return a / b;
    case BinaryOp::kMaximum: return a > b ? a : b;
    case BinaryOp::kMinimum: return a < b ? a : b;
    case BinaryOp::kGreater: return a > b ? 1.0F : 0.0F;
    case BinaryOp::kEqual: return a == b ? 1.0F : 0.0F;
  }
  return a;
}

void unary(UnaryOp op, const float* x, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] = apply(op, x[i]);
}

void unary_gradient(UnaryOp op, const float* x, const float* y, const float* dy, std::size_t count, float* dx) {
  for (std::size_t i = 0; i < count; ++i) dx[i] = dy[i] * slope(op, x[i], y[i]);
}

void activation_gradient(Activation activation, const float* x, const float* y, const float* dy, std::size_t count,
                         float* dx) {
  const bool reads_x = needs_input(activation);
  for (std::size_t i = 0; i < count; ++i) dx[i] = dy[i] * slope(activation, reads_x ? x[i] : 0.0F, y[i]);
}

void binary(BinaryOp op, const BinaryRow& row) {
  for (std::size_t i = 0; i < row.count; ++i) row.y[i] = apply(op, row.a[row.one_a ? 0 : i], row.b[row.one_b ? 0 : i]);
}

float sum(const float* x, std::size_t count) {
  float total = 0.0F;
  for (std::size_t i = 0; i < count; ++i) total += x[i];
  return total;
}

float dot(const float* x, const float* y, std::size_t count) {
  float total = 0.0F;
  for (std::size_t i = 0; i < count; ++i) total += x[i] * y[i];
  return total;
}

float log_sum_exp(const float* x, std::size_t count) {
  float top = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < count; ++i) top = std::max(top, x[i]);
  if (std::isinf(top) && top < 0.0F) return top;
  float total = 0.0F;
  for (std::size_t i = 0; i < count; ++i) total += std::exp(x[i] - top);
  return top + std::log(total);
}

void add_scaled(float scale, const float* x, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] += scale * x[i];
}

void add_product(const float* a, const float* b, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] += a[i] * b[i];
}

void add_squared_difference(const float* a, const float* b, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] += (a[i] - b[i]) * (a[i] - b[i]);
}

void multiply_add(const float* x, const float* a, const float* b, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] = x[i] * a[i] + b[i];
}

void softmax_gradient(const float* y, const float* dy, std::size_t count, float* dx) {
  const float mean = dot(y, dy, count);
  for (std::size_t i = 0; i < count; ++i) dx[i] = y[i] * (dy[i] - mean);
}

void log_softmax_gradient(const float* y, const float* dy, std::size_t count, float* dx) {
  const float total = sum(dy, count);
  for (std::size_t i = 0; i < count; ++i) dx[i] = dy[i] - std::exp(y[i]) * total;
}

void scaled_softmax(const float* x, float log_sum, float scale, float shift, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] = scale * std::exp(x[i] - log_sum) + shift;
}

/// dx = (g - shift - x̂ mean(g x̂)) · factor with g = dy·γ and x̂ = (x - mean) · factor.
void norm_gradient(const NormGradientRow& row, float mean, float factor, bool centred) {
  const auto size = static_cast<float>(row.count);
  float grown = 0.0F;
  float product = 0.0F;
  for (std::size_t i = 0; i < row.count; ++i) {
    const float g = row.dy[i] * row.gamma[i];
    grown += g;
    product += g * (row.x[i] - mean) * factor;
  }
  const float shift = centred ? grown / size : 0.0F;
  for (std::size_t i = 0; i < row.count; ++i) {
    const float normal = (row.x[i] - mean) * factor;
    const float d = row.dy[i];
    if (row.dgamma != nullptr) row.dgamma[i] += d * normal;
    if (row.dbeta != nullptr) row.dbeta[i] += d;
    row.dx[i] = (d * row.gamma[i] - shift - normal * product / size) * factor;
  }
}

void layer_norm_gradient(const NormGradientRow& row) {
  const auto size = static_cast<float>(row.count);
  const float mean = sum(row.x, row.count) / size;
  float squares = 0.0F;
  for (std::size_t i = 0; i < row.count; ++i) squares += (row.x[i] - mean) * (row.x[i] - mean);
  norm_gradient(row, mean, 1.0F / std::sqrt(squares / size + row.epsilon), true);
}

void rms_norm_gradient(const NormGradientRow& row) {
  const float square = dot(row.x, row.x, row.count) / static_cast<float>(row.count);
  norm_gradient(row, 0.0F, 1.0F / std::sqrt(square + row.epsilon), false);
}

void gru(const GruRow& row) {
  const std::size_t n = row.hidden;
  for (std::size_t i = 0; i < n; ++i) {
    const float reset = logistic(row.from_input[i] + row.from_state[i]);
    const float update = logistic(row.from_input[n + i] + row.from_state[n + i]);
    const float candidate = std::tanh(row.from_input[2 * n + i] + reset * row.from_state[2 * n + i]);
    row.gates[i] = reset;
    row.gates[n + i] = update;
    row.gates[2 * n + i] = candidate;
    row.next[i] = (1.0F - update) * candidate + update * row.state[i];
  }
}

void gru_gradient(const GruGradientRow& row) {
  const std::size_t n = row.hidden;
  for (std::size_t i = 0; i < n; ++i) {
    const float reset = row.gates[i];
    const float update = row.gates[n + i];
    const float candidate = row.gates[2 * n + i];
    const float d = row.d_next[i];
    const float d_candidate = d * (1.0F - update) * (1.0F - candidate * candidate);
    const float d_update = d * (row.state[i] - candidate) * logistic_slope(update);
    const float d_reset = d_candidate * row.from_state[2 * n + i] * logistic_slope(reset);
    row.d_from_input[i] = row.d_from_state[i] = d_reset;
    row.d_from_input[n + i] = row.d_from_state[n + i] = d_update;
    row.d_from_input[2 * n + i] = d_candidate;
    row.d_from_state[2 * n + i] = d_candidate * reset;
    row.d_state[i] = d * update;
  }
}

void lstm(const LstmRow& row) {
  const std::size_t n = row.hidden;
  for (std::size_t i = 0; i < n; ++i) {
    const float input = logistic(row.sums[i]);
    const float forget = logistic(row.sums[n + i]);
    const float candidate = std::tanh(row.sums[2 * n + i]);
    const float output = logistic(row.sums[3 * n + i]);
    row.gates[i] = input;
    row.gates[n + i] = forget;
    row.gates[2 * n + i] = candidate;
    row.gates[3 * n + i] = output;
    row.next_cell[i] = forget * row.cell[i] + input * candidate;
    row.next[i] = output * std::tanh(row.next_cell[i]);
  }
}

void lstm_gradient(const LstmGradientRow& row) {
  const std::size_t n = row.hidden;
  for (std::size_t i = 0; i < n; ++i) {
    const float input = row.gates[i];
    const float forget = row.gates[n + i];
    const float candidate = row.gates[2 * n + i];
    const float output = row.gates[3 * n + i];
    const float shown = std::tanh(row.next_cell[i]);
    const float d = row.d_next[i];
    const float d_cell = row.d_cell[i] + d * output * (1.0F - shown * shown);
    row.d_sums[i] = d_cell * candidate * logistic_slope(input);
    row.d_sums[n + i] = d_cell * row.cell[i] * logistic_slope(forget);
    row.d_sums[2 * n + i] = d_cell * input * (1.0F - candidate * candidate);
    row.d_sums[3 * n + i] = d * shown * logistic_slope(output);
    row.d_cell[i] = d_cell * forget;
  }
}

void sgd(const SgdStep& step, const ParameterSlice& slice) {
  for (std::size_t i = 0; i < slice.count; ++i) {
    float change = slice.gradient[i] + step.decay * slice.value[i];
    if (step.momentum != 0.0F) {
      slice.first[i] = step.momentum * slice.first[i] + (1.0F - step.dampening) * change;
      change = step.nesterov ? change + step.momentum * slice.first[i] : slice.first[i];
    }
    slice.value[i] -= step.rate * change;
  }
}

void adam(const AdamStep& step, const ParameterSlice& slice) {
  for (std::size_t i = 0; i < slice.count; ++i) {
    const float gradient = slice.gradient[i] + step.decay * slice.value[i];
    slice.first[i] = step.beta1 * slice.first[i] + (1.0F - step.beta1) * gradient;
    slice.second[i] = step.beta2 * slice.second[i] + (1.0F - step.beta2) * gradient * gradient;
    const float spread = std::sqrt(slice.second[i]) * step.root_scale + step.epsilon;
    slice.value[i] = slice.value[i] * step.shrink - step.rate * slice.first[i] / spread;
  }
}

void adagrad(const AdagradStep& step, const ParameterSlice& slice) {
  for (std::size_t i = 0; i < slice.count; ++i) {
    const float gradient = slice.gradient[i] + step.decay * slice.value[i];
    slice.second[i] += gradient * gradient;
    slice.value[i] -= step.rate * gradient / (std::sqrt(slice.second[i]) + step.epsilon);
  }
}

void rms_prop(const RmsPropStep& step, const ParameterSlice& slice) {
  for (std::size_t i = 0; i < slice.count; ++i) {
    const float gradient = slice.gradient[i] + step.decay * slice.value[i];
    slice.second[i] = step.smoothing * slice.second[i] + (1.0F - step.smoothing) * gradient * gradient;
    float change = gradient / (std::sqrt(slice.second[i]) + step.epsilon);
    if (step.momentum != 0.0F) change = slice.first[i] = step.momentum * slice.first[i] + change;
    slice.value[i] -= step.rate * change;
  }
}

void adadelta(const AdadeltaStep& step, const ParameterSlice& slice) {
  for (std::size_t i = 0; i < slice.count; ++i) {
    const float gradient = slice.gradient[i] + step.decay * slice.value[i];
    slice.second[i] = step.smoothing * slice.second[i] + (1.0F - step.smoothing) * gradient * gradient;
    const float change =
        std::sqrt(slice.first[i] + step.epsilon) / std::sqrt(slice.second[i] + step.epsilon) * gradient;
    slice.first[i] = step.smoothing * slice.first[i] + (1.0F - step.smoothing) * change * change;
    slice.value[i] -= step.rate * change;
  }
}

void lion(const LionStep& step, const ParameterSlice& slice) {
  for (std::size_t i = 0; i < slice.count; ++i) {
    const float direction = sign_of(step.beta1 * slice.first[i] + (1.0F - step.beta1) * slice.gradient[i]);
    slice.first[i] = step.beta2 * slice.first[i] + (1.0F - step.beta2) * slice.gradient[i];
    slice.value[i] = slice.value[i] * step.shrink - step.rate * direction;
  }
}

#include "kernels/simd/plain_rows-inl.h"
#include "kernels/simd/training_table-inl.h"

}  // namespace
}  // namespace scalar

const TrainingKernels kScalarTrainingKernels = scalar::kTrainingTable;

}  // namespace marquee::kernels
