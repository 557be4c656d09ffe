#if defined(__x86_64__)

#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace marquee::kernels::avx2 {

namespace {
#include "kernels/simd/map_row-inl.h"
#include "kernels/simd/math-inl.h"
}  // namespace

#include "kernels/simd/rows-inl.h"

}  // namespace marquee::kernels::avx2

#endif
