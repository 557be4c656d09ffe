#pragma once
// The tables that the folders of this module define; kernels.cc chooses among them.

#include "kernels/kernels.h"
#include "kernels/training.h"

namespace marquee::kernels {

extern const Kernels kScalarKernels;
extern const TrainingKernels kScalarTrainingKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvxVnniEvexKernels;  ///< for CPUs whose 256-bit dot product is that of AVX-512
extern const Kernels kAvx512Kernels;
extern const TrainingKernels kAvx2TrainingKernels;
extern const TrainingKernels kAvx512TrainingKernels;
#elif defined(__aarch64__)
extern const Kernels kNeonKernels;
extern const TrainingKernels kNeonTrainingKernels;
#endif

}  // namespace marquee::kernels
