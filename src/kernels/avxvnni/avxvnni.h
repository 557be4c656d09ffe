#pragma once
// What this folder's files give its tables; the rest is AVX2's.

#include <cstddef>

#include "kernels/kernels.h"

namespace marquee::kernels::avxvnni {

constexpr std::size_t kTileRows = 6;

namespace vex {
void matmul(const MatmulJob& job);
}
namespace evex {
void matmul(const MatmulJob& job);
}

}  // namespace marquee::kernels::avxvnni
