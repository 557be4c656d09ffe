#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "tensor/weight_source.h"

namespace marquee::tensor {

/// A matrix of Q8_0 blocks; `stored` points into `bytes`.
struct QuantizedMatrix {
  StoredTensor stored;
  std::vector<std::byte> bytes;
};

/// Whether rows of so many values are whole blocks.
bool can_quantize(std::int64_t in);

/// Rounds a float matrix to blocks of 32 int8 values with one binary16 scale each, as GGUF's Q8_0: value ≈ scale ·
/// int8, the largest of a block being 127. The same bits on every machine.
/// @shape matrix: [out, in], F32, F16 or BF16
/// @error kInvalidArgument if it is no such matrix or its rows are not whole blocks; kCorrupt for a value that is not
///        finite or too large for a scale
base::Result<QuantizedMatrix> quantize_weight(const StoredTensor& matrix, base::ThreadPool& pool);

}  // namespace marquee::tensor
