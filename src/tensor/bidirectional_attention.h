#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "tensor/matrix.h"
#include "tensor/ops.h"

namespace marquee::tensor {

/// Where one text's rows lie in a batch of texts that follow each other without padding.
struct TextRows {
  std::size_t first = 0;
  std::size_t count = 0;
};

struct BidirectionalParams {
  std::int32_t heads = 0;
  std::int32_t head_dim = 0;
  float scale = 1.0F;  ///< on q·k
};

/// Attention of every row to all rows of its own text, in f32. A text's bits do not depend on what else is in the
/// batch.
/// @shape qkv: [rows, 3 heads head_dim], queries, then keys, then values; out: [rows, heads head_dim], apart from qkv
/// @error kInvalidArgument naming the extents that disagree, or a text outside the rows
/// @source arXiv:1706.03762
base::Result<void> bidirectional_attention(base::ThreadPool& pool, const BidirectionalParams& params,
                                           std::span<const TextRows> texts, ConstMatrix qkv, Matrix out);

}  // namespace marquee::tensor
