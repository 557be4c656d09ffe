#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/model_file.h"
#include "tensor/packed_weight.h"
#include "tensor/weight_source.h"
#include "text/decoder_config.h"
#include "text/language_model.h"

namespace marquee::text {

struct NormWeights {
  std::vector<float> gamma;
  std::vector<float> beta;  ///< empty for none
};

struct LinearWeights {
  tensor::PackedWeight weight;
  std::vector<float> bias;  ///< empty for none
};

struct LayerWeights {
  NormWeights attention_norm;
  NormWeights attention_post_norm;   ///< empty without post norms
  LinearWeights qkv;                 ///< rows of q, then k, then v
  NormWeights query_norm, key_norm;  ///< [head_dim]; empty without QK norms
  LinearWeights attention_out;
  NormWeights feed_forward_norm;
  NormWeights feed_forward_post_norm;  ///< empty without post norms
  LinearWeights up;                    ///< rows of gate, then up; only up where the config is not gated
  LinearWeights down;
};

struct DecoderWeights {
  tensor::StoredTensor embedding;                 ///< [vocab, hidden], in the mapped file
  bool head_is_embedding = false;                 ///< then its rows are in memory already, in the head
  std::optional<tensor::StoredTensor> positions;  ///< [context, hidden], in the mapped file
  std::vector<LayerWeights> layers;
  NormWeights final_norm;
  LinearWeights head;                ///< [vocab, hidden]
  std::int64_t parameters = 0;       ///< of the file's tensors in use, each once
  std::uint64_t resident_bytes = 0;  ///< packed or copied, beside the mapped file
};

/// Takes the decoder's tensors from a file, checks every shape against the config and packs the linear ones.
/// Sets config.vocab_size where the file's config leaves it to the embedding.
/// @error kCorrupt naming a tensor that is missing or of another shape; kUnsupported naming a layer's tensor that this
///        decoder would leave out, or a dtype
base::Result<DecoderWeights> load_decoder_weights(const formats::ModelFile& file, DecoderConfig& config,
                                                  base::ThreadPool& pool, const LoadOptions& options);

}  // namespace marquee::text
