#pragma once

#include <cstdint>

namespace marquee::kernels {

enum class Isa : std::uint8_t {
  kScalar,
  kAvx2,        ///< AVX2, FMA, F16C
  kAvx512Vnni,  ///< AVX-512 F, BW, DQ, VL and VNNI
};

}  // namespace marquee::kernels
