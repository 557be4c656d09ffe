#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "formats/tokenizer.h"
#include "tensor/ops.h"
#include "text/encoder_config.h"
#include "text/pooling.h"

namespace marquee::text {

/// One text for an encoder, special tokens included.
struct EncoderText {
  std::span<const formats::TokenId> tokens;
  /// Tokens from here on have token type 1: the second of two texts.
  std::size_t second_from = std::numeric_limits<std::size_t>::max();
};

enum class EncoderPrecision : std::uint8_t {
  kFloat32,  ///< weights as the file has them, products in f32
  kInt8,     ///< weights in blocks of 32 int8, activations int8; attention, norms and sums in f32
};

struct EncoderFacts {
  std::string architecture;
  std::int32_t vocab_size = 0;
  std::int32_t context_length = 0;  ///< most tokens of one text
  std::int32_t hidden = 0;          ///< width of vectors
  std::int32_t token_types = 0;
  std::int64_t parameters = 0;
  std::uint64_t resident_bytes = 0;  ///< packed weights held in memory
  PoolingConfig pooling;             ///< of vectors
  std::vector<std::string> labels;   ///< of the classification head; empty: the model makes vectors
  LabelKind label_kind = LabelKind::kSingle;
};

/// A bidirectional encoder ready to compute. One thread runs it at a time. A text's results do not depend on what
/// shares its batch. Every call:
/// @error kInvalidArgument naming a text that is empty, too long, or holds ids outside the vocabulary; or extents that
///        disagree
class EncoderModel {
 public:
  virtual ~EncoderModel() = default;
  [[nodiscard]] virtual const EncoderFacts& facts() const = 0;

  /// The last layer's states of all tokens, text after text. @shape hidden: [tokens of all texts, hidden]
  virtual base::Result<void> encode(tensor::ComputeContext& context, std::span<const EncoderText> texts,
                                    tensor::Matrix hidden) = 0;
  /// One vector for each text, pooled and normalised as facts().pooling says. @shape vectors: [texts, hidden]
  virtual base::Result<void> embed(tensor::ComputeContext& context, std::span<const EncoderText> texts,
                                   tensor::Matrix vectors) = 0;
  /// The classification head's outputs, before softmax or sigmoid. @shape logits: [texts, labels]
  /// @error kFailedPrecondition if the model has no such head
  virtual base::Result<void> classify(tensor::ComputeContext& context, std::span<const EncoderText> texts,
                                      tensor::Matrix logits) = 0;
};

/// Builds the encoder that a Hugging Face folder describes (text/encoder_config.cc lists the families).
/// The file must outlive the model.
/// @error kUnsupported naming the model type or the feature; kCorrupt naming a tensor or key
base::Result<std::unique_ptr<EncoderModel>> load_encoder_model(const formats::ModelFile& file,
                                                               EncoderPrecision precision, base::ThreadPool& pool);

/// Turns a classifier's outputs of one text into scores from 0 to 1 (regression: leaves them), in place.
void score_labels(LabelKind kind, std::span<float> logits);

}  // namespace marquee::text
