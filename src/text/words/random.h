#pragma once

#include <cstdint>

namespace marquee::text::words {

/// Random numbers that cost three multiplications. Every chunk of a corpus begins a sequence of its own, so that they
/// do not depend on which thread takes it. @source Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014
class SplitMix64 {
 public:
  SplitMix64(std::uint64_t seed, std::uint64_t sequence) : state_(mix(seed + mix(sequence + kStep))) {}

  std::uint64_t next() { return mix(state_ += kStep); }
  /// Uniform in [0, bound). @param bound at least 1
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(((next() >> 32U) * bound) >> 32U); }
  /// Uniform in [-0.5, 0.5).
  float centred() { return static_cast<float>(next() >> 40U) * 0x1p-24F - 0.5F; }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15U;
  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_;
};

}  // namespace marquee::text::words
