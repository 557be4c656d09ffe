#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/model_file.h"
#include "tensor/weight_source.h"
#include "text/decoder_weights.h"
#include "text/encoder_config.h"
#include "text/encoder_model.h"

namespace marquee::text {

struct EncoderLayerWeights {
  LinearWeights qkv;  ///< rows of q, then k, then v
  LinearWeights attention_out;
  NormWeights attention_norm;
  LinearWeights up;
  LinearWeights down;
  NormWeights feed_forward_norm;
};

/// What turns a text's first state into scores: out · act(inner · x).
struct ClassificationHead {
  LinearWeights inner;  ///< [hidden, hidden]
  tensor::Activation activation = tensor::Activation::kTanh;
  LinearWeights out;  ///< [labels, hidden]
};

struct EncoderWeights {
  tensor::StoredTensor embedding;                   ///< [vocab, hidden], in the mapped file
  tensor::StoredTensor positions;                   ///< [positions, hidden], in the mapped file
  std::optional<tensor::StoredTensor> token_types;  ///< [token_types, hidden], in the mapped file
  NormWeights embedding_norm;
  std::vector<EncoderLayerWeights> layers;
  std::optional<ClassificationHead> head;
  std::int64_t parameters = 0;
  std::uint64_t resident_bytes = 0;
};

/// Takes the encoder's tensors from a file, checks every shape against the config and packs the linear ones. With kInt8
/// the layers' products are rounded to int8 blocks where their rows are whole blocks of 32; the head stays as it is.
/// @error kCorrupt naming a tensor that is missing or of another shape; kUnsupported naming a layer's tensor that this
///        encoder would leave out, or a dtype
base::Result<EncoderWeights> load_encoder_weights(const formats::ModelFile& file, const EncoderConfig& config,
                                                  EncoderPrecision precision, base::ThreadPool& pool);

}  // namespace marquee::text
