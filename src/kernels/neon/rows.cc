#if defined(__aarch64__)

#include "kernels/neon/neon.h"
#include "kernels/neon/vector.h"

namespace marquee::kernels::neon {

namespace {
#include "kernels/simd/map_row-inl.h"
#include "kernels/simd/math-inl.h"
}  // namespace

#include "kernels/simd/rows-inl.h"

}  // namespace marquee::kernels::neon

#endif
