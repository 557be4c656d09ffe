#if defined(__x86_64__)

#include "kernels/words.h"

#include "kernels/activation.h"
#include "kernels/avx512/vector.h"
#include "kernels/word_tables.h"

namespace marquee::kernels {
namespace avx512 {
namespace {

/// 1 / sqrt(x) for normal x > 0: relative error below 3e-7.
MARQUEE_INLINE Vec inverse_root(Vec x) {
  const Vec guess = _mm512_rsqrt14_ps(x);
  const Vec rest = _mm512_fnmadd_ps(_mm512_mul_ps(x, guess), guess, _mm512_set1_ps(1.0F));
  return _mm512_fmadd_ps(_mm512_mul_ps(guess, _mm512_set1_ps(0.5F)), rest, guess);
}

#include "kernels/simd/map_row-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/words-inl.h"

}  // namespace
}  // namespace avx512

const WordKernels kAvx512WordKernels = {avx512::logistic_step, avx512::pair_step};

}  // namespace marquee::kernels

#endif
