#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "tensor/ops.h"

namespace marquee::text {

/// What a classifier's scores mean together.
enum class LabelKind : std::uint8_t {
  kSingle,      ///< one of the labels holds: softmax
  kMulti,       ///< each holds or not: sigmoid; also the one score of a cross-encoder
  kRegression,  ///< the numbers themselves
};

/// Everything that steers an encoder of the BERT kind: post-norm blocks over learned positions. All values are bounded
/// and agree with each other once read_encoder_config has returned it.
struct EncoderConfig {
  std::string architecture;  ///< the family's name in the registry
  std::int32_t vocab_size = 0;
  std::int32_t hidden = 0;
  std::int32_t layers = 0;
  std::int32_t heads = 0;
  std::int32_t feed_forward = 0;
  std::int32_t positions = 0;       ///< rows of the position table
  std::int32_t first_position = 0;  ///< row of a text's first token
  std::int32_t padding_token = -1;  ///< takes no position (RoBERTa), or -1
  std::int32_t token_types = 0;     ///< rows of the table of token types; 0 for none
  float norm_epsilon = 1e-12F;
  tensor::Activation activation = tensor::Activation::kGeluErf;
  bool classifies = false;          ///< has a classification head
  std::vector<std::string> labels;  ///< of the head, in the order of its outputs
  LabelKind label_kind = LabelKind::kSingle;

  [[nodiscard]] std::int32_t head_dim() const { return hidden / heads; }
  /// Most tokens of one text.
  [[nodiscard]] std::int32_t context_length() const { return positions - first_position; }
};

/// Most labels of a classification head.
constexpr std::int32_t kMaxLabels = 1 << 16;

/// How one family names its tensors. Names of layers are relative to "<prefix><layer><index>."; every linear layer and
/// norm has ".weight" and ".bias" behind its name.
struct EncoderTensorNames {
  std::string_view prefix;  ///< before all of the encoder's where a head is beside it ("bert.")
  std::string_view layer;
  std::string_view query, key, value, attention_out, attention_norm;
  std::string_view up, down, feed_forward_norm;
  std::string_view head_inner, head_out;  ///< of the classification head
  bool head_inner_has_prefix = false;     ///< BERT's is the encoder's own pooler
};

/// One family of encoders.
struct EncoderFamily {
  std::string_view name;
  std::span<const std::string_view> model_types;  ///< as config.json's model_type
  EncoderTensorNames names;
  tensor::Activation head_activation;  ///< between the two layers of the classification head
  base::Result<void> (*read)(const formats::ModelFile& file, EncoderConfig& config);
};

/// Every family of encoders that this program computes.
std::span<const EncoderFamily> encoder_families();

/// @return null if no family goes by this model_type
const EncoderFamily* find_encoder_family(std::string_view model_type);

/// Reads the config.json of a Hugging Face folder.
/// @error kUnsupported naming the model type or the feature; kCorrupt naming the key that is missing or out of bounds
base::Result<EncoderConfig> read_encoder_config(const formats::ModelFile& file);

}  // namespace marquee::text
