#if defined(__aarch64__)

#include "kernels/training.h"

#include "kernels/neon/vector.h"
#include "kernels/tables.h"

namespace marquee::kernels {
namespace neon {
namespace {

#include "kernels/simd/map_row-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/optimisers-inl.h"
#include "kernels/simd/plain_rows-inl.h"
#include "kernels/simd/recurrent-inl.h"
#include "kernels/simd/training-inl.h"
#include "kernels/simd/training_table-inl.h"

}  // namespace
}  // namespace neon

const TrainingKernels kNeonTrainingKernels = neon::kTrainingTable;

}  // namespace marquee::kernels

#endif
