#pragma once
// Checked operations on borrowed matrices, dispatched to the kernels of this CPU.
//
// Every op is *batch-invariant*: a row's result has the same bits whatever other rows are in the call and however many
// threads share it. Generation relies on it: the same seed gives the same text whatever else is being served.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "kernels/activation.h"
#include "tensor/kv_cache.h"
#include "tensor/matrix.h"
#include "tensor/packed_weight.h"

namespace marquee::tensor {

/// How linear() rounds what quantised weights multiply: to int8, or to int16 in two int8 parts, which costs up to twice
/// the products. One scale for 32 values of a row either way.
enum class ActivationType : std::uint8_t { kInt8, kInt16 };

/// What an op may use besides its arguments. One per running model step; not shared between threads.
struct ComputeContext {
  base::ThreadPool& pool;
  ActivationType activations = ActivationType::kInt8;
  std::vector<std::byte> scratch = {};  ///< reused between calls; grows to the largest need
};

using Activation = kernels::Activation;

/// Computes rows [begin, begin + count) of a matrix that is about to be read.
using RowFill = std::function<base::Result<void>(std::size_t begin, std::size_t count)>;

/// y = x Wᵀ + bias. Quantised weights multiply activations of the context's type.
/// @shape x: [rows, in]; w: [out, in]; bias: [out] or empty; y: [rows, out], may not alias x
/// @param fill if given, called once for every row of x by the thread that then quantises it: a norm or an activation
///        done there reads and writes the nearest cache, and costs no turn of the team of its own
/// @error kInvalidArgument naming the extents that disagree; fill's first
base::Result<void> linear(ComputeContext& context, ConstMatrix x, const PackedWeight& w, ConstVector bias, Matrix y,
                          const RowFill& fill = {});

/// Normalises each row of x by its root mean square: y = x / sqrt(mean(x²) + epsilon) · (gamma + gamma_offset).
/// @shape x, y: [rows, dim], y may alias x; gamma: [dim]. Gemma stores gamma - 1: gamma_offset is 1 there
/// @source arXiv:1910.07467
base::Result<void> rms_norm(ConstMatrix x, ConstVector gamma, float epsilon, Matrix y, float gamma_offset = 0.0F);

/// @shape x, y: [rows, dim], y may alias x; gamma: [dim]; beta: [dim] or empty
/// @source arXiv:1607.06450
base::Result<void> layer_norm(ConstMatrix x, ConstVector gamma, ConstVector beta, float epsilon, Matrix y);

/// y = act(gate) · up, element by element. @shape gate, up, y: [rows, dim], y may alias either
base::Result<void> gated_activation(Activation activation, ConstMatrix gate, ConstMatrix up, Matrix y);
/// x = act(x), in place.
void activate(Activation activation, Matrix x);
/// y += x. @shape x, y: [rows, dim]
base::Result<void> add(ConstMatrix x, Matrix y);
/// y *= x, element by element. @shape x, y: [rows, dim]
base::Result<void> multiply(ConstMatrix x, Matrix y);
/// x = cap · tanh(x / cap), in place.
void soft_cap(float cap, Matrix x);
/// In place over one row; returns nothing special for -inf entries (probability 0).
void softmax(std::span<float> row);

/// How pairs of dimensions turn together: (i, i + half) as Hugging Face stores weights, or (2i, 2i + 1) as GGUF's
/// Llama conversion permutes them.
enum class RopePairing { kHalves, kInterleaved };

struct RopeTable {
  std::span<const float> inverse_frequencies;  ///< [rope_dim / 2]
  float magnitude = 1.0F;  ///< factor on cosine and sine (YaRN and LongRoPE attention factor), 1 otherwise
  RopePairing pairing = RopePairing::kHalves;
};

/// The cosines and sines of a step's positions, computed once and used by every layer.
class RopeAngles {
 public:
  /// Computes the angles anew. @shape positions: [rows]
  void assign(const RopeTable& table, std::span<const std::int32_t> positions);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t pairs() const { return pairs_; }
  [[nodiscard]] RopePairing pairing() const { return pairing_; }
  [[nodiscard]] const float* cosines(std::size_t row) const { return values_.data() + row * 2 * pairs_; }
  [[nodiscard]] const float* sines(std::size_t row) const { return cosines(row) + pairs_; }

 private:
  std::vector<float> values_;  ///< [rows][cosines, sines][pairs]
  std::size_t rows_ = 0;
  std::size_t pairs_ = 0;
  RopePairing pairing_ = RopePairing::kHalves;
};

/// Rotates each head of each row by its position: row r of x by the angles' row first + r.
/// @shape x: [rows, heads * head_dim], only the first 2 * pairs of each head turn
/// @source arXiv:2104.09864
base::Result<void> rope(const RopeAngles& angles, std::size_t first, std::int32_t head_dim, Matrix x);

/// One query row: which sequence's pages it reads and how far.
struct AttentionRow {
  std::span<const std::int32_t> pages;  ///< page of positions [16 i, 16 i + 16)
  std::int32_t position = 0;            ///< the row attends to positions [max(0, position - window + 1), position]
};

struct AttentionParams {
  std::int32_t layer = 0;
  std::int32_t heads = 0;   ///< query heads; a multiple of the cache's KV heads
  float scale = 1.0F;       ///< on q·k
  float soft_cap = 0.0F;    ///< on scaled scores; 0 for none
  std::int32_t window = 0;  ///< sliding window in tokens; 0 for none
};

/// Stores the rows' keys and values at their positions. @shape k, v: [rows, kv_heads * head_dim]
base::Result<void> write_kv(KvPool& cache, std::int32_t layer, std::span<const AttentionRow> rows, ConstMatrix k,
                            ConstMatrix v);

/// Causal attention of every row over its own sequence, online softmax page by page in pieces that begin at fixed
/// positions, always in the same order: one long row is shared by the team.
/// @shape q, out: [rows, heads * head_dim], out may alias q
base::Result<void> attention(ComputeContext& context, const KvPool& cache, const AttentionParams& params,
                             std::span<const AttentionRow> rows, ConstMatrix q, Matrix out);

/// Row `index` of a stored matrix as f32 (embedding look-up). @error kInvalidArgument if out of range
base::Result<void> dequantize_row(const StoredTensor& matrix, std::int64_t index, std::span<float> out);
/// The same of a packed matrix. @error kInvalidArgument
base::Result<void> dequantize_row(const PackedWeight& matrix, std::int64_t index, std::span<float> out);

}  // namespace marquee::tensor
