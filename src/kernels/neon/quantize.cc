#if defined(__aarch64__)

#include "kernels/neon/neon.h"
#include "kernels/neon/vector.h"

namespace marquee::kernels::neon {
namespace {

struct Whole {
  int32x4_t part[4];
};

template <typename Function>
MARQUEE_INLINE Whole whole_parts(Function f) {
  return {{f(0), f(1), f(2), f(3)}};
}

MARQUEE_INLINE Whole rounded(Vec x) {  // not a number: 0
  return whole_parts([&](int i) { return vcvtnq_s32_f32(x.part[i]); });
}
MARQUEE_INLINE Whole high_plane(Whole x) {
  return whole_parts([&](int i) { return vshrq_n_s32(vaddq_s32(x.part[i], vdupq_n_s32(128)), 8); });
}
MARQUEE_INLINE Whole low_plane(Whole x, Whole high) {
  return whole_parts([&](int i) { return vsubq_s32(x.part[i], vshlq_n_s32(high.part[i], 8)); });
}
MARQUEE_INLINE std::int32_t sum_of(Whole x) {
  return vaddvq_s32(vaddq_s32(vaddq_s32(x.part[0], x.part[1]), vaddq_s32(x.part[2], x.part[3])));
}
MARQUEE_INLINE void store_bytes(Whole x, std::int8_t* to) {
  const int16x8_t low = vcombine_s16(vqmovn_s32(x.part[0]), vqmovn_s32(x.part[1]));
  const int16x8_t high = vcombine_s16(vqmovn_s32(x.part[2]), vqmovn_s32(x.part[3]));
  vst1q_s8(to, vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
}

MARQUEE_INLINE float largest_magnitude(Vec a, Vec b) {
  // As integers, so that NaN counts as largest and spreads to the result.
  uint32x4_t bits = vdupq_n_u32(0);
  for (int i = 0; i < 4; ++i) {
    bits = vmaxq_u32(bits, vreinterpretq_u32_f32(vabsq_f32(a.part[i])));
    bits = vmaxq_u32(bits, vreinterpretq_u32_f32(vabsq_f32(b.part[i])));
  }
  const std::uint32_t largest = vmaxvq_u32(bits);
  float value;
  __builtin_memcpy(&value, &largest, sizeof(value));
  return value;
}

}  // namespace

#include "kernels/simd/quantize-inl.h"

}  // namespace marquee::kernels::neon

#endif
