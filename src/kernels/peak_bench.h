#pragma once
// What an instruction set can do at most on one core: dot products and multiply-adds on registers alone.

#include <cstddef>

#include "kernels/isa.h"

namespace marquee::kernels {

/// Work on registers only. @return multiply-adds done
struct Peak {
  std::size_t (*int8)(std::size_t rounds) = nullptr;  ///< unsigned 8-bit × signed 8-bit into 32-bit sums
  std::size_t (*float32)(std::size_t rounds) = nullptr;
};

namespace avx2 {
std::size_t peak_int8(std::size_t rounds);
std::size_t peak_float32(std::size_t rounds);
}  // namespace avx2
namespace avxvnni {
std::size_t peak_int8(std::size_t rounds);
}
namespace avx512 {
std::size_t peak_int8(std::size_t rounds);
std::size_t peak_float32(std::size_t rounds);
}  // namespace avx512

}  // namespace marquee::kernels
