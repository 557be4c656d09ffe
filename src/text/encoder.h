#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "tensor/bidirectional_attention.h"
#include "tensor/ops.h"
#include "text/encoder_config.h"
#include "text/encoder_model.h"
#include "text/encoder_weights.h"

namespace marquee::text {

/// The one encoder of every family in encoder_families(): attention and feed-forward blocks, each added to the stream
/// and normed. Texts of a batch follow each other without padding, so a token costs the same whatever lengths are
/// mixed. Holds its workspace, so a call allocates nothing once a batch of that size has run.
/// @source arXiv:1810.04805
class Encoder final : public EncoderModel {
 public:
  /// @error as load_encoder_model
  static base::Result<std::unique_ptr<Encoder>> load(const formats::ModelFile& file, EncoderPrecision precision,
                                                     base::ThreadPool& pool);

  [[nodiscard]] const EncoderFacts& facts() const override { return facts_; }
  base::Result<void> encode(tensor::ComputeContext& context, std::span<const EncoderText> texts,
                            tensor::Matrix hidden) override;
  base::Result<void> embed(tensor::ComputeContext& context, std::span<const EncoderText> texts,
                           tensor::Matrix vectors) override;
  base::Result<void> classify(tensor::ComputeContext& context, std::span<const EncoderText> texts,
                              tensor::Matrix logits) override;

 private:
  /// What one row is made of.
  struct Token {
    formats::TokenId id = 0;
    std::int32_t position = 0;  ///< row of the table
    std::int32_t type = 0;
  };
  /// Buffers of one call, [rows, …] each, as large as the largest batch so far.
  struct Workspace {
    std::size_t rows = 0;
    std::vector<float> stream;     ///< [rows, hidden], normed
    std::vector<float> qkv;        ///< [rows, 3 hidden]
    std::vector<float> attended;   ///< [rows, hidden]
    std::vector<float> inner;      ///< [rows, feed_forward]
    std::vector<float> projected;  ///< [rows, hidden]
    std::vector<Token> tokens;
    std::vector<tensor::TextRows> texts;
    std::vector<float> pooled;  ///< [texts, hidden], twice: what goes into the head, and between its layers
  };

  Encoder() = default;
  base::Result<void> check_text(const EncoderText& text, std::size_t index) const;
  base::Result<void> plan(std::span<const EncoderText> texts);
  void add_tokens(const EncoderText& text);
  void reserve(std::size_t rows);
  base::Result<void> embed_rows(std::size_t begin, std::size_t count);
  base::Result<void> join_block(const NormWeights& weights, std::size_t begin, std::size_t count);
  base::Result<void> run_layer(tensor::ComputeContext& context, std::size_t index);
  base::Result<void> forward(tensor::ComputeContext& context, std::span<const EncoderText> texts);
  [[nodiscard]] tensor::Matrix stream();
  [[nodiscard]] tensor::Matrix projected();

  EncoderConfig config_;
  EncoderWeights weights_;
  EncoderFacts facts_;
  Workspace work_;
};

}  // namespace marquee::text
