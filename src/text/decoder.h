#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "tensor/kv_cache.h"
#include "tensor/ops.h"
#include "text/decoder_config.h"
#include "text/decoder_weights.h"
#include "text/language_model.h"
#include "text/rope_frequencies.h"

namespace marquee::text {

/// The one decoder of every family in the registry: a stack of attention and feed-forward blocks around a residual
/// stream, steered by its config. Holds its workspace, so a step allocates nothing once a batch of that size has run.
class Decoder final : public LanguageModel {
 public:
  /// @error as load_language_model
  static base::Result<std::unique_ptr<Decoder>> load(const formats::ModelFile& file, const LoadOptions& options,
                                                     base::ThreadPool& pool);

  [[nodiscard]] const ModelFacts& facts() const override { return facts_; }
  base::Result<void> forward(tensor::ComputeContext& context, std::span<const SequenceSlice> slices,
                             tensor::KvPool& cache, tensor::Matrix logits) override;

 private:
  /// Buffers of one step, [rows, …] each, as large as the largest batch so far.
  struct Workspace {
    std::size_t rows = 0;
    std::vector<float> stream;     ///< [rows, hidden]
    std::vector<float> normed;     ///< [rows, hidden]
    std::vector<float> qkv;        ///< [rows, (heads + 2 kv_heads) head_dim]
    std::vector<float> attended;   ///< [rows, heads head_dim]
    std::vector<float> inner;      ///< [rows, feed_forward, twice if gated]
    std::vector<float> projected;  ///< [rows, hidden]
    std::vector<formats::TokenId> tokens;
    std::vector<std::int32_t> positions;
    std::vector<tensor::AttentionRow> attention_rows;
    tensor::RopeAngles angles;
    tensor::RopeAngles local_angles;  ///< of the layers that have their own frequencies
    std::vector<std::size_t> wanted;  ///< rows whose logits are asked for, ascending
  };

  Decoder() = default;
  base::Result<void> check_slice(const SequenceSlice& slice, const tensor::KvPool& cache) const;
  base::Result<std::size_t> plan(std::span<const SequenceSlice> slices, const tensor::KvPool& cache,
                                 const tensor::Matrix& logits);
  void reserve(std::size_t rows);
  base::Result<void> embed(base::ThreadPool& pool, std::size_t rows);
  base::Result<void> embed_row(std::size_t row);
  base::Result<std::size_t> run_layer(tensor::ComputeContext& context, std::size_t index, std::size_t rows,
                                      tensor::KvPool& cache);
  base::Result<void> project_qkv(tensor::ComputeContext& context, std::size_t index, std::size_t rows,
                                 tensor::KvPool& cache);
  base::Result<void> finish_qkv(std::size_t index, tensor::Matrix block, std::size_t begin, tensor::KvPool& cache);
  base::Result<void> norm_heads(const NormWeights& weights, std::int32_t heads, tensor::Matrix rows) const;
  base::Result<void> attend(tensor::ComputeContext& context, std::size_t index, std::size_t rows,
                            const tensor::KvPool& cache);
  base::Result<void> feed_forward(tensor::ComputeContext& context, std::size_t index, std::size_t rows);
  tensor::RowFill next_input(const NormWeights* post_norm, const NormWeights& weights, std::size_t rows);
  base::Result<void> norm(const NormWeights& weights, tensor::ConstMatrix x, tensor::Matrix y) const;
  std::size_t keep_wanted_rows();
  [[nodiscard]] tensor::Matrix stream(std::size_t rows);
  [[nodiscard]] tensor::Matrix normed(std::size_t rows);
  [[nodiscard]] tensor::Matrix projected(std::size_t rows);
  [[nodiscard]] tensor::Matrix qkv(std::size_t rows);

  DecoderConfig config_;
  DecoderWeights weights_;
  RopeFrequencies rope_;
  RopeFrequencies local_rope_;
  ModelFacts facts_;
  Workspace work_;
};

}  // namespace marquee::text
