#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "tensor/ops.h"
#include "text/rope_frequencies.h"

namespace marquee::text {

enum class NormKind : std::uint8_t { kRms, kLayer };
enum class PositionKind : std::uint8_t { kRope, kLearned };

/// What may differ from layer to layer.
struct LayerPlan {
  std::int32_t window = 0;       ///< sliding window in tokens; 0 for the whole context
  bool local_rope = false;       ///< turns by DecoderConfig::local_rope
  float attention_scale = 1.0F;  ///< on q·k
};

/// Everything that steers the decoder. All values are bounded and agree with each other once read_decoder_config or
/// validate has returned it.
struct DecoderConfig {
  std::string architecture;     ///< the family's name in the registry
  std::int32_t vocab_size = 0;  ///< 0: as many as the embedding has rows
  std::int32_t hidden = 0;      ///< width of the residual stream
  std::int32_t heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int32_t feed_forward = 0;
  std::int32_t context_length = 0;  ///< positions the model was made for
  NormKind norm = NormKind::kRms;
  float norm_epsilon = 0.0F;
  float gamma_offset = 0.0F;  ///< 1 where the file stores gamma - 1
  tensor::Activation activation = tensor::Activation::kSilu;
  bool gated = true;             ///< feed-forward is act(gate) · up
  bool post_norms = false;       ///< norms also after attention and after the feed-forward
  bool qk_norm = false;          ///< norms on each head of q and k
  bool tied_embeddings = false;  ///< the head may be the embedding
  float embedding_scale = 1.0F;
  float attention_soft_cap = 0.0F;  ///< 0 for none
  float final_soft_cap = 0.0F;      ///< 0 for none
  PositionKind positions = PositionKind::kRope;
  tensor::RopePairing pairing = tensor::RopePairing::kHalves;
  RopeConfig rope;
  std::optional<RopeConfig> local_rope;
  std::vector<LayerPlan> layers;

  [[nodiscard]] std::int32_t query_width() const { return heads * head_dim; }
  [[nodiscard]] std::int32_t kv_width() const { return kv_heads * head_dim; }
  /// Positions a sequence may reach: more than context_length only where the rope's scaling stretches on demand.
  [[nodiscard]] std::int32_t reachable_context() const;
};

// Caps far above any published decoder and far below where sizes computed from them could overflow.
constexpr std::int32_t kMaxHidden = 1 << 16;
constexpr std::int32_t kMaxLayers = 1 << 10;
constexpr std::int32_t kMaxHeads = 1 << 10;
constexpr std::int32_t kMaxHeadDim = 1 << 10;
constexpr std::int32_t kMaxFeedForward = 1 << 20;
constexpr std::int32_t kMaxVocabulary = 1 << 22;
constexpr std::int32_t kMaxContext = 1 << 24;

/// Reads the config of a GGUF file's metadata or a folder's config.json.
/// @error kUnsupported naming the architecture or the feature; kCorrupt naming the key that is missing or out of bounds
base::Result<DecoderConfig> read_decoder_config(const formats::ModelFile& file);

/// Checks what the parts of a config must agree on. @error kCorrupt naming the values that disagree
base::Result<void> validate(const DecoderConfig& config, const std::string& where);

}  // namespace marquee::text
