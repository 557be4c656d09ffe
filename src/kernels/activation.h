#pragma once

#include <cstdint>

namespace marquee::kernels {

enum class Activation : std::uint8_t {
  kIdentity,   ///< x
  kSilu,       ///< x / (1 + exp(-x))
  kGeluTanh,   ///< x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
  kGeluErf,    ///< x/2 · (1 + erf(x / √2))
  kRelu,       ///< max(x, 0)
  kLeakyRelu,  ///< x above 0, x / 100 below
  kTanh,
  kSigmoid,  ///< 1 / (1 + exp(-x))
};

/// Whether its slope takes what went in, not only what came out.
constexpr bool needs_input(Activation activation) {
  return activation == Activation::kSilu || activation == Activation::kGeluTanh || activation == Activation::kGeluErf;
}

}  // namespace marquee::kernels
