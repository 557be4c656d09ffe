#pragma once

#include <cstdint>

namespace marquee::kernels {

enum class Isa : std::uint8_t {
  kScalar,
  kAvx2,         ///< AVX2, FMA, F16C
  kAvxVnni,      ///< AVX2 with 256-bit dot products: AVX-VNNI, or AVX-512 VL with VNNI
  kAvx512Vnni,   ///< AVX-512 F, BW, DQ, VL and VNNI
  kNeonDotprod,  ///< ARMv8-A with NEON and its int8 dot products
};

}  // namespace marquee::kernels
