// For CPUs with AVX-VNNI.
#if defined(__x86_64__)

#include "kernels/avx2/vector.h"
#include "kernels/avxvnni/avxvnni.h"

#define MARQUEE_DOT(sum, quants, values) _mm256_dpbusd_avx_epi32(sum, quants, values)

namespace marquee::kernels::avxvnni::vex {
#include "kernels/avxvnni/matmul-inl.h"
}  // namespace marquee::kernels::avxvnni::vex

#undef MARQUEE_DOT

#endif
