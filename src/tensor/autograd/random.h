#pragma once

#include <array>
#include <cstdint>

namespace marquee::tensor::autograd {

/// Philox 4x32-10: four random words of a counter and a key. Any number of threads may compute different counters, and
/// the numbers do not depend on which thread does.
/// @source Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011
std::array<std::uint32_t, 4> philox(std::uint64_t counter, std::uint64_t stream, std::uint64_t key);

/// Where a sequence of random numbers stands. Copied, it goes on the same way twice; saved, it goes on where it was.
struct Random {
  std::uint64_t seed = 0;
  std::uint64_t next_stream = 0;  ///< every operation that draws takes one

  std::uint64_t take_stream() { return next_stream++; }
};

/// Uniform in [0, 1) with 24 bits.
constexpr float unit_float(std::uint32_t word) { return static_cast<float>(word >> 8U) * 0x1p-24F; }

}  // namespace marquee::tensor::autograd
