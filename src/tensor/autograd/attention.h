#pragma once

#include <cstdint>
#include <vector>

#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

struct AttentionOptions {
  std::int64_t heads = 1;
  bool causal = false;                         ///< a query sees keys up to its own place, counted from the last of both
  std::vector<std::int32_t> key_lengths = {};  ///< [batch]: keys from there on are padding; empty: there is none
  float dropout = 0.0F;                        ///< of the weights
};

/// softmax(q kᵀ / √head_dim) v for each head, heads side by side in a row. A query that sees no key gets zeros.
/// @shape q, result: [batch, queries, heads · head_dim]; k, v: [batch, keys, heads · head_dim]
/// @throws ShapeError. @source arXiv:1706.03762
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options);

}  // namespace marquee::tensor::autograd
