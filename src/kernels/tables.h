#pragma once
// The tables that the folders of this module define; kernels.cc chooses among them.

#include "kernels/kernels.h"

namespace marquee::kernels {

extern const Kernels kScalarKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvxVnniEvexKernels;  ///< for CPUs whose 256-bit dot product is that of AVX-512
extern const Kernels kAvx512Kernels;
#elif defined(__aarch64__)
extern const Kernels kNeonKernels;
#endif

}  // namespace marquee::kernels
