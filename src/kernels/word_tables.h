#pragma once
// The tables that the folders of this module define; words.cc chooses among them.

#include "kernels/words.h"

namespace marquee::kernels {

extern const WordKernels kScalarWordKernels;
#if defined(__x86_64__)
extern const WordKernels kAvx2WordKernels;
extern const WordKernels kAvx512WordKernels;
#elif defined(__aarch64__)
extern const WordKernels kNeonWordKernels;
#endif

}  // namespace marquee::kernels
