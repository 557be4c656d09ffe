#pragma once

#include <cstdint>

namespace marquee::kernels {

enum class Activation : std::uint8_t {
  kSilu,      ///< x / (1 + exp(-x))
  kGeluTanh,  ///< x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
  kGeluErf,   ///< x/2 · (1 + erf(x / √2))
  kRelu,      ///< max(x, 0)
};

}  // namespace marquee::kernels
