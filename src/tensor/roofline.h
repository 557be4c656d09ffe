#pragma once
// What the machine allows: the limits that measured speeds are put beside.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "tensor/aligned_buffer.h"

namespace marquee::tensor {

/// Work that nothing but the machine slows down, done by a team of threads; the caller takes the time. Decoding reads
/// every weight once a step, so it cannot be faster than memory is read; prefill cannot be faster than the int8 kernel
/// is on data in the first-level cache.
class RooflineProbe {
 public:
  /// @param pool must outlive the probe @error kResourceExhausted if there is no memory for it (256 MiB)
  static base::Result<RooflineProbe> create(base::ThreadPool& pool);

  /// Reads memory that no cache holds, once. @return how many bytes
  std::uint64_t read_memory();
  /// Multiplies int8 by int8 into int32 with the kernel in use, on every thread. @return how many multiply-adds
  std::uint64_t multiply_int8();

 private:
  /// One thread's operands: a tile of activations and two panels of weights, small enough for its first-level cache.
  struct Operands {
    AlignedBuffer panels;
    std::vector<std::int8_t> values;
    std::vector<float> scales, sums, y;
  };

  RooflineProbe(base::ThreadPool& pool, AlignedBuffer memory) : pool_(&pool), memory_(std::move(memory)) {}

  base::ThreadPool* pool_;
  AlignedBuffer memory_;
  std::vector<Operands> operands_;
};

}  // namespace marquee::tensor
