#include "tensor/autograd/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "kernels/kernels.h"
#include "kernels/training.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/gemm.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::training_kernels;

struct AttentionShape {
  AttentionShape(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options)
      : causal(options.causal), key_lengths(options.key_lengths) {
    const std::string all =
        "attention: " + q.shape().to_string() + ", " + k.shape().to_string() + " and " + v.shape().to_string();
    if (q.shape().rank() != 3 || !(k.shape() == v.shape()) || !(q.shape().with(1, 1) == k.shape().with(1, 1)) ||
        options.heads < 1 || q.extent(2) % options.heads != 0) {
      throw ShapeError(all + " by " + std::to_string(options.heads) + " heads do not fit");
    }
    batch = static_cast<std::size_t>(q.extent(0));
    queries = static_cast<std::size_t>(q.extent(1));
    keys = static_cast<std::size_t>(k.extent(1));
    width = static_cast<std::size_t>(q.extent(2));
    heads = static_cast<std::size_t>(options.heads);
    head_dim = width / heads;
    if (!key_lengths.empty() && key_lengths.size() != batch) throw ShapeError(all + ": key_lengths of another batch");
    scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
  }

  /// How many keys, from the first, query i of a text sees.
  [[nodiscard]] std::size_t seen(std::size_t text, std::size_t i) const {
    const std::size_t length =
        key_lengths.empty()
            ? keys
            : static_cast<std::size_t>(std::clamp<std::int64_t>(key_lengths[text], 0, static_cast<std::int64_t>(keys)));
    if (!causal) return length;
    return keys + i + 1 > queries ? std::min(length, keys + i + 1 - queries) : 0;
  }
  [[nodiscard]] std::size_t query_offset(std::size_t text, std::size_t head) const {
    return text * queries * width + head * head_dim;
  }
  [[nodiscard]] std::size_t key_offset(std::size_t text, std::size_t head) const {
    return text * keys * width + head * head_dim;
  }
  [[nodiscard]] std::size_t weights_offset(std::size_t text, std::size_t head) const {
    return (text * heads + head) * queries * keys;
  }

  std::size_t batch, queries, keys, width, heads, head_dim;
  float scale;
  bool causal;
  std::vector<std::int32_t> key_lengths;
};

template <typename Body>
void each_head(const AttentionShape& shape, Body body) {
  ComputeScope::current().team().parallel_for(shape.batch * shape.heads,
                                              [&](std::size_t i) { body(i / shape.heads, i % shape.heads); });
}

/// weights = softmax(scale · q kᵀ) over the keys seen, 0 elsewhere.
void compute_weights(const AttentionShape& s, const float* q, const float* k, std::size_t text, float* weights) {
  gemm_here({.transpose_b = true,
             .m = s.queries,
             .n = s.keys,
             .k = s.head_dim,
             .alpha = s.scale,
             .a = q,
             .lda = s.width,
             .b = k,
             .ldb = s.width,
             .c = weights,
             .ldc = s.keys});
  for (std::size_t i = 0; i < s.queries; ++i) {
    const std::size_t seen = s.seen(text, i);
    float* row = weights + i * s.keys;
    if (seen > 0) kernels::kernels().softmax(row, seen);
    std::memset(row + seen, 0, (s.keys - seen) * sizeof(float));
  }
}

struct HeadPointers {
  const float* q;
  const float* k;
  const float* v;
  const float* dy;
  float* dq;
  float* dk;
  float* dv;
};

/// @param weights as the softmax gave them
/// @param mask what dropout multiplied them by, or null
/// @param scratch [2][queries, keys]
void head_backward(const AttentionShape& s, std::size_t text, const HeadPointers& at, const float* weights,
                   const float* mask, float* scratch) {
  const std::size_t area = s.queries * s.keys;
  const float* dropped = weights;
  if (mask != nullptr) {
    training_kernels().binary(kernels::BinaryOp::kMultiply, {weights, mask, false, false, area, scratch + area});
    dropped = scratch + area;
  }
  gemm_here({.transpose_a = true,
             .m = s.keys,
             .n = s.head_dim,
             .k = s.queries,
             .a = dropped,
             .lda = s.keys,
             .b = at.dy,
             .ldb = s.width,
             .c = at.dv,
             .ldc = s.width});
  gemm_here({.transpose_b = true,
             .m = s.queries,
             .n = s.keys,
             .k = s.head_dim,
             .a = at.dy,
             .lda = s.width,
             .b = at.v,
             .ldb = s.width,
             .c = scratch,
             .ldc = s.keys});
  if (mask != nullptr) {
    training_kernels().binary(kernels::BinaryOp::kMultiply, {scratch, mask, false, false, area, scratch});
  }
  for (std::size_t i = 0; i < s.queries; ++i) {
    const std::size_t seen = s.seen(text, i);
    float* row = scratch + i * s.keys;
    training_kernels().softmax_gradient(weights + i * s.keys, row, seen, row);
    std::memset(row + seen, 0, (s.keys - seen) * sizeof(float));
  }
  gemm_here({.m = s.queries,
             .n = s.head_dim,
             .k = s.keys,
             .alpha = s.scale,
             .a = scratch,
             .lda = s.keys,
             .b = at.k,
             .ldb = s.width,
             .c = at.dq,
             .ldc = s.width});
  gemm_here({.transpose_a = true,
             .m = s.keys,
             .n = s.head_dim,
             .k = s.queries,
             .alpha = s.scale,
             .a = scratch,
             .lda = s.keys,
             .b = at.q,
             .ldb = s.width,
             .c = at.dk,
             .ldc = s.width});
}

void attention_backward(Gradients& g, const AttentionShape& s, const Tensor& q, const Tensor& k, const Tensor& v,
                        const Tensor& weights, const Tensor& mask) {
  Tensor dq = Tensor::empty(q.shape());
  Tensor dk = Tensor::empty(k.shape());
  Tensor dv = Tensor::empty(v.shape());
  const std::size_t scratch_size = s.queries * s.keys * (mask.defined() ? 2 : 1);
  each_head(s, [&, oq = dq.data(), ok = dk.data(), ov = dv.data()](std::size_t text, std::size_t head) {
    thread_local std::vector<float> scratch;
    scratch.resize(std::max(scratch.size(), scratch_size));
    const std::size_t of_q = s.query_offset(text, head);
    const std::size_t of_k = s.key_offset(text, head);
    const std::size_t of_w = s.weights_offset(text, head);
    head_backward(
        s, text,
        {q.data() + of_q, k.data() + of_k, v.data() + of_k, g.output().data() + of_q, oq + of_q, ok + of_k, ov + of_k},
        weights.data() + of_w, mask.defined() ? mask.data() + of_w : nullptr, scratch.data());
  });
  g.add(0, std::move(dq));
  g.add(1, std::move(dk));
  g.add(2, std::move(dv));
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  const AttentionShape s(q, k, v, options);
  const auto whole = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  Tensor weights = Tensor::empty({whole(s.batch), whole(s.heads), whole(s.queries), whole(s.keys)});
  Tensor mask;
  if (options.dropout > 0.0F) mask = dropout_mask(weights.shape(), options.dropout);
  Tensor y = Tensor::empty(q.shape());
  each_head(s, [&, to = y.data(), all = weights.data()](std::size_t text, std::size_t head) {
    const std::size_t of_w = s.weights_offset(text, head);
    const float* used = all + of_w;
    compute_weights(s, q.data() + s.query_offset(text, head), k.data() + s.key_offset(text, head), text, all + of_w);
    thread_local std::vector<float> dropped;
    if (mask.defined()) {
      dropped.resize(std::max(dropped.size(), s.queries * s.keys));
      training_kernels().binary(kernels::BinaryOp::kMultiply,
                                {used, mask.data() + of_w, false, false, s.queries * s.keys, dropped.data()});
      used = dropped.data();
    }
    gemm_here({.m = s.queries,
               .n = s.head_dim,
               .k = s.keys,
               .a = used,
               .lda = s.keys,
               .b = v.data() + s.key_offset(text, head),
               .ldb = s.width,
               .c = to + s.query_offset(text, head),
               .ldc = s.width});
  });
  record(y, {q, k, v}, [s, q = q.detach(), k = k.detach(), v = v.detach(), weights, mask](Gradients& g) {
    attention_backward(g, s, q, k, v, weights, mask);
  });
  return y;
}

}  // namespace marquee::tensor::autograd
