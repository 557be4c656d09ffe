#pragma once
// What this folder's files give its table.

#include "kernels/kernels.h"

namespace marquee::kernels::avx512 {

#include "kernels/simd/functions-inl.h"

}  // namespace marquee::kernels::avx512
