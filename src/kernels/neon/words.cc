#if defined(__aarch64__)

#include "kernels/words.h"

#include "kernels/activation.h"
#include "kernels/neon/vector.h"
#include "kernels/word_tables.h"

namespace marquee::kernels {
namespace neon {
namespace {

/// 1 / sqrt(x) for normal x > 0: relative error below 3e-7.
MARQUEE_INLINE Vec inverse_root(Vec x) {
  return parts([&](int i) {
    float32x4_t guess = vrsqrteq_f32(x.part[i]);
    for (int step = 0; step < 2; ++step) {
      guess = vmulq_f32(guess, vrsqrtsq_f32(vmulq_f32(x.part[i], guess), guess));
    }
    return guess;
  });
}

#include "kernels/simd/map_row-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/words-inl.h"

}  // namespace
}  // namespace neon

const WordKernels kNeonWordKernels = {neon::logistic_step, neon::pair_step};

}  // namespace marquee::kernels

#endif
