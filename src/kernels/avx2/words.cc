#if defined(__x86_64__)

#include "kernels/words.h"

#include "kernels/activation.h"
#include "kernels/avx2/vector.h"
#include "kernels/word_tables.h"

namespace marquee::kernels {
namespace avx2 {
namespace {

MARQUEE_INLINE __m256 inverse_root_half(__m256 x) {
  const __m256 guess = _mm256_rsqrt_ps(x);
  const __m256 rest = _mm256_fnmadd_ps(_mm256_mul_ps(x, guess), guess, _mm256_set1_ps(1.0F));
  return _mm256_fmadd_ps(_mm256_mul_ps(guess, _mm256_set1_ps(0.5F)), rest, guess);
}
/// 1 / sqrt(x) for normal x > 0: relative error below 3e-7.
MARQUEE_INLINE Vec inverse_root(Vec x) { return {inverse_root_half(x.low), inverse_root_half(x.high)}; }

#include "kernels/simd/map_row-inl.h"
#include "kernels/simd/math-inl.h"
#include "kernels/simd/words-inl.h"

}  // namespace
}  // namespace avx2

const WordKernels kAvx2WordKernels = {avx2::logistic_step, avx2::pair_step};

}  // namespace marquee::kernels

#endif
