#pragma once
// The loops that do the work, one table of functions per instruction set. They run on raw memory: no shapes are
// checked, nothing is allocated, no pointer needs alignment unless said so.
//
// Every kernel is batch-invariant: an output's bits depend on its own inputs only, never on how many rows share a tile.

#include <cstddef>
#include <cstdint>

#include "kernels/activation.h"
#include "kernels/isa.h"
#include "kernels/panels.h"

namespace marquee::kernels {

/// Values of an activation row that share one scale.
constexpr std::size_t kActivationGroup = 32;

/// A group of activations none of which reaches this counts as zero, so that its scale's inverse stays finite.
constexpr float kSmallestActivation = 1e-36F;
/// The largest quantised activation, by its planes of int8: 127, or 127 · 256 + 127.
constexpr std::int32_t kLargestActivation[] = {0, 127, 32639};

/// Some rows of activations, interleaved for the matrix kernels. Quantised: x ≈ scale · value, where a value is one
/// int8, or 256 · high + low of two.
struct ActivationTile {
  std::size_t first_row = 0;            ///< of x and y
  std::size_t rows = 0;                 ///< at most the table's max_tile_rows
  std::size_t planes = 1;               ///< of values: 1, or 2 of which the first is high
  const std::int8_t* values = nullptr;  ///< [planes][in / 32][rows][32]
  const float* scales = nullptr;        ///< [in / 32][rows]
  const float* sums32 = nullptr;        ///< [in / 32][rows]: scale · Σ values of the group
  const float* sums16 = nullptr;        ///< [in / 16][rows]: the same over 16 values; only for panels with groups of 16
  const float* floats = nullptr;        ///< [in][rows]; only for float panels
};

/// Where quantize_row() writes one row of a tile.
struct QuantizedRow {
  std::size_t row = 0;  ///< index in the tile
  std::size_t tile_rows = 1;
  std::size_t planes = 1;
  std::int8_t* values = nullptr;  ///< the tile's arrays, as in ActivationTile
  float* scales = nullptr;
  float* sums32 = nullptr;
  float* sums16 = nullptr;  ///< may be null
};

/// y[first_row + r][0, out) of each tile = tile × panelsᵀ.
struct MatmulJob {
  PanelFormat format;
  std::size_t in = 0;
  const std::byte* panels = nullptr;  ///< aligned to 64 bytes, one after another
  std::size_t out = 0;                ///< columns of y, from the first panel on; ceil(out / 16) panels
  const ActivationTile* tiles = nullptr;
  std::size_t tile_count = 0;
  float* y = nullptr;
  std::size_t y_stride = 0;
};

/// One row of a normalisation. y may be x.
struct NormRow {
  const float* x = nullptr;
  const float* gamma = nullptr;
  const float* beta = nullptr;  ///< layer_norm only; may be null
  std::size_t count = 0;
  float epsilon = 0.0F;
  float gamma_offset = 0.0F;  ///< rms_norm only
  float* y = nullptr;
};

/// Tokens in one page of keys or values; must equal tensor::kKvPageTokens.
constexpr std::int32_t kPageTokens = 16;
/// Queries one attention call may serve.
constexpr std::size_t kMaxAttentionQueries = 24;
/// Pages whose scores are taken together. Blocks begin at multiples of it, so they depend on positions alone.
constexpr std::int32_t kPagesPerBlock = 4;

/// Queries that read the same pages of one KV head.
/// out[i] = Σ softmax(scale · q[i]·k, capped) v over positions [first[i], last[i]].
struct AttentionJob {
  const std::byte* keys = nullptr;  ///< page 0's keys of this layer and head: [head_dim][16]; kI8: then [16] f32 scales
  const std::byte* values = nullptr;  ///< page 0's values: [16][head_dim]; kI8: then [16] f32 scales
  std::size_t page_bytes = 0;         ///< from one page to the next
  const std::int32_t* pages = nullptr;
  DType elements = DType::kF16;  ///< kF32, kF16, or kI8 with one scale for each token's keys and one for its values
  std::size_t head_dim = 0;
  float scale = 1.0F;
  float soft_cap = 0.0F;    ///< 0 for none
  std::size_t queries = 0;  ///< 1 to kMaxAttentionQueries
  const float* query[kMaxAttentionQueries] = {};
  float* out[kMaxAttentionQueries] = {};  ///< out[i] may be query[i]
  std::int32_t first[kMaxAttentionQueries] = {};
  std::int32_t last[kMaxAttentionQueries] = {};
  float* largest = nullptr;  ///< [queries], may be null: each one's largest score, scaled and capped
  float* total = nullptr;    ///< [queries], may be null: each one's Σ exp(score - largest)
  float* scratch = nullptr;  ///< attention_scratch_floats(head_dim) floats, aligned to 64 bytes
};

/// Floats of scratch an AttentionJob needs.
constexpr std::size_t attention_scratch_floats(std::size_t head_dim) {
  return kMaxAttentionQueries * ((head_dim + 15) / 16 * 16);
}

struct Kernels {
  Isa isa;
  std::size_t max_tile_rows;  ///< of an ActivationTile

  /// Quantises in values (a multiple of 32): one scale per 32, rounding half to even. The same bits on every CPU.
  void (*quantize_row)(const float* x, std::size_t in, const QuantizedRow& out);
  void (*matmul)(const MatmulJob& job);

  void (*rms_norm)(const NormRow& row);
  void (*layer_norm)(const NormRow& row);
  void (*softmax)(float* row, std::size_t count);  ///< -inf gives 0
  void (*activate)(Activation activation, float* x, std::size_t count);
  /// y = act(gate) · up
  void (*gated_activation)(Activation activation, const float* gate, const float* up, std::size_t count, float* y);
  void (*add)(const float* x, std::size_t count, float* y);       ///< y += x
  void (*multiply)(const float* x, std::size_t count, float* y);  ///< y *= x
  void (*soft_cap)(float cap, float* x, std::size_t count);       ///< x = cap · tanh(x / cap)

  /// Rotates pairs (i, i + half) / (2i, 2i + 1) of one head by the angles whose cosines and sines are given.
  void (*rope_halves)(const float* cosines, const float* sines, std::size_t half, float* head);
  void (*rope_interleaved)(const float* cosines, const float* sines, std::size_t half, float* head);

  void (*f32_to_f16)(const float* x, std::size_t count, std::uint16_t* y);
  void (*f16_to_f32)(const std::uint16_t* x, std::size_t count, float* y);

  void (*attention)(const AttentionJob& job);
};

/// The table chosen once for this process (see kernels/cpu.h).
/// @throws std::runtime_error if MARQUEE_ISA is wrong; programs check chosen_isa() at start, so that this never happens
const Kernels& kernels();

/// @return null if this CPU cannot run that instruction set
const Kernels* kernels_for(Isa isa);

}  // namespace marquee::kernels
