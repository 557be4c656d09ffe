#if defined(__x86_64__)

#include "kernels/avx512/avx512.h"
#include "kernels/avx512/vector.h"

namespace marquee::kernels::avx512 {

namespace {
#include "kernels/simd/map_row-inl.h"
#include "kernels/simd/math-inl.h"
}  // namespace

#include "kernels/simd/rows-inl.h"

}  // namespace marquee::kernels::avx512

#endif
