#include <cmath>
#include <limits>

#include "kernels/half.h"
#include "kernels/scalar/scalar.h"

namespace marquee::kernels::scalar {
namespace {

constexpr float kSqrtTwoOverPi = 0.79788456080286536F;
constexpr float kGeluCubic = 0.044715F;
constexpr float kInverseSqrtTwo = 0.70710678118654752F;

float activated(Activation activation, float x) {
  switch (activation) {
    case Activation::kSilu: return x / (1.0F + std::exp(-x));
    case Activation::kGeluTanh:
      // 1 + tanh(u) = 2 / (1 + e^-2u), which loses no digits where tanh nears -1; likewise 1 + erf(u) = erfc(-u).
      return x / (1.0F + std::exp(-2.0F * kSqrtTwoOverPi * (x + kGeluCubic * x * x * x)));
    case Activation::kGeluErf: return 0.5F * x * std::erfc(-x * kInverseSqrtTwo);
    case Activation::kIdentity: return x;
    case Activation::kRelu: return x > 0.0F ? x : 0.0F;
    case Activation::kLeakyRelu: return x > 0.0F ? x : 0.01F * x;
    case Activation::kTanh: return std::tanh(x);
    case Activation::kSigmoid: return 1.0F / (1.0F + std::exp(-x));
  }
  return x;
}

void rotate(float cosine, float sine, float& first, float& second) {
  const float a = first;
  const float b = second;
  first = a * cosine - b * sine;
  second = b * cosine + a * sine;
}

}  // namespace

void rms_norm(const NormRow& row) {
  float squares = 0.0F;
  for (std::size_t i = 0; i < row.count; ++i) squares += row.x[i] * row.x[i];
  const float factor = 1.0F / std::sqrt(squares / static_cast<float>(row.count) + row.epsilon);
  for (std::size_t i = 0; i < row.count; ++i) row.y[i] = row.x[i] * factor * (row.gamma[i] + row.gamma_offset);
}

void layer_norm(const NormRow& row) {
  const auto count = static_cast<float>(row.count);
  float sum = 0.0F;
  for (std::size_t i = 0; i < row.count; ++i) sum += row.x[i];
  const float mean = sum / count;
  float squares = 0.0F;
  for (std::size_t i = 0; i < row.count; ++i) squares += (row.x[i] - mean) * (row.x[i] - mean);
  const float factor = 1.0F / std::sqrt(squares / count + row.epsilon);
  for (std::size_t i = 0; i < row.count; ++i) {
    const float beta = row.beta == nullptr ? 0.0F : row.beta[i];
    row.y[i] = (row.x[i] - mean) * factor * row.gamma[i] + beta;
  }
}

void softmax(float* row, std::size_t count) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < count; ++i) largest = std::fmax(largest, row[i]);
  float sum = 0.0F;
  for (std::size_t i = 0; i < count; ++i) {
    row[i] = std::exp(row[i] - largest);
    sum += row[i];
  }
  const float factor = 1.0F / sum;
  for (std::size_t i = 0; i < count; ++i) row[i] *= factor;
}

void activate(Activation activation, float* x, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) x[i] = activated(activation, x[i]);
}

void gated_activation(Activation activation, const float* gate, const float* up, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] = activated(activation, gate[i]) * up[i];
}

void add_row(const float* x, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] += x[i];
}

void multiply_row(const float* x, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] *= x[i];
}

void soft_cap(float cap, float* x, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) x[i] = cap * std::tanh(x[i] / cap);
}

void rope_halves(const float* cosines, const float* sines, std::size_t half, float* head) {
  for (std::size_t i = 0; i < half; ++i) rotate(cosines[i], sines[i], head[i], head[i + half]);
}

void rope_interleaved(const float* cosines, const float* sines, std::size_t half, float* head) {
  for (std::size_t i = 0; i < half; ++i) rotate(cosines[i], sines[i], head[2 * i], head[2 * i + 1]);
}

void f32_to_f16_row(const float* x, std::size_t count, std::uint16_t* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] = f32_to_f16(x[i]);
}

void f16_to_f32_row(const std::uint16_t* x, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] = f16_to_f32(x[i]);
}

}  // namespace marquee::kernels::scalar
