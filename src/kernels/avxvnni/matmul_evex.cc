// For CPUs with AVX-512 VL and VNNI.
#if defined(__x86_64__)

#include "kernels/avx2/vector.h"
#include "kernels/avxvnni/avxvnni.h"

#define MARQUEE_DOT(sum, quants, values) _mm256_dpbusd_epi32(sum, quants, values)

namespace marquee::kernels::avxvnni::evex {
#include "kernels/avxvnni/matmul-inl.h"
}  // namespace marquee::kernels::avxvnni::evex

#undef MARQUEE_DOT

#endif
