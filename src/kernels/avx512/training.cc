#if defined(__x86_64__)

#include "kernels/training.h"

#include "kernels/avx512/vector.h"
#include "kernels/tables.h"

namespace marquee::kernels {
namespace avx512 {
namespace {

#include "kernels/simd/map_row-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/optimisers-inl.h"
#include "kernels/simd/plain_rows-inl.h"
#include "kernels/simd/recurrent-inl.h"
#include "kernels/simd/training-inl.h"
#include "kernels/simd/training_table-inl.h"

}  // namespace
}  // namespace avx512

const TrainingKernels kAvx512TrainingKernels = avx512::kTrainingTable;

}  // namespace marquee::kernels

#endif
