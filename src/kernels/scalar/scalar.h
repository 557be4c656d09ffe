#pragma once
// The plain C++ kernels: what the wider ones are tested against, and what runs where there is nothing wider.

#include "kernels/kernels.h"

namespace marquee::kernels::scalar {

#include "kernels/simd/functions-inl.h"

}  // namespace marquee::kernels::scalar
