#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace marquee::train {

/// Random numbers that nobody can foretell who has not the key: differential privacy rests on noise and choices that
/// stay secret. By counter, like Philox, but from the stream cipher ChaCha20 (RFC 8439) with a key of 256 bits.
class SecretRandom {
 public:
  /// With a key from the operating system.
  static SecretRandom fresh();
  /// The same numbers for the same seed: for tests and repeatable runs. Whoever knows the seed can take the noise away.
  static SecretRandom seeded(std::uint64_t seed);

  /// Adds deviation · N(0, 1) to each value. Team-parallel (needs a ComputeScope); the numbers depend on key, step and
  /// stream alone.
  /// @param stream of the step: a parameter's place, below 2^31
  void add_gaussian(std::int64_t step, std::uint32_t stream, double deviation, std::span<float> values) const;
  /// Which of [0, count) take part in a step, each with probability `rate`, ascending.
  [[nodiscard]] std::vector<std::int64_t> sample(std::int64_t step, std::int64_t count, double rate) const;

 private:
  SecretRandom() = default;
  /// The words of a step's stream from 64-byte block `block` on.
  void fill(std::int64_t step, std::uint32_t stream, std::uint32_t block, std::span<std::uint64_t> words) const;

  std::array<unsigned char, 32> key_{};
};

}  // namespace marquee::train
