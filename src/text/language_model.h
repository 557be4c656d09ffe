#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "formats/model_file.h"
#include "formats/tokenizer.h"
#include "tensor/kv_cache.h"
#include "tensor/ops.h"
#include "tensor/packed_cache.h"

namespace marquee::text {

using formats::TokenId;

/// Tokens of one sequence to run through the model in one step: one in decoding, a chunk of the prompt in prefill.
struct SequenceSlice {
  std::span<const TokenId> tokens;
  std::int32_t position = 0;            ///< position of tokens[0]; earlier positions are in the cache already
  std::span<const std::int32_t> pages;  ///< the sequence's pages, enough for position + tokens.size()
  enum class Logits : std::uint8_t { kNone, kLast, kAll } logits = Logits::kLast;
};

struct ModelFacts {
  std::string architecture;
  std::int32_t vocab_size = 0;
  std::int32_t context_length = 0;  ///< the model's own maximum
  std::int64_t parameters = 0;
  std::uint64_t resident_bytes = 0;  ///< packed weights held in memory
  tensor::KvLayout kv;
};

/// A causal language model ready to compute. One thread runs it at a time.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;
  [[nodiscard]] virtual const ModelFacts& facts() const = 0;

  /// Runs all slices as one batch, writing their keys and values to `cache` and the wanted logits, in slice order, to
  /// the rows of `logits`. Results do not depend on what shares the batch nor on how a prompt is cut into chunks.
  /// @shape logits: [rows wanted, vocab_size]
  /// @error kInvalidArgument for ids outside the vocabulary, positions past the context, too few pages or rows
  virtual base::Result<void> forward(tensor::ComputeContext& context, std::span<const SequenceSlice> slices,
                                     tensor::KvPool& cache, tensor::Matrix logits) = 0;
};

/// Told, from the loading thread, how many bytes of the file's weights are ready.
using OnWeightsReady = std::function<void(std::uint64_t bytes)>;

struct LoadOptions {
  kernels::DType kv_dtype = kernels::DType::kF16;
  std::int32_t max_context = 0;                 ///< 0: the model's own
  tensor::PackedCache* packed_cache = nullptr;  ///< may be null
  OnWeightsReady on_weights_ready = {};         ///< may be empty
};

/// Builds the model a file describes (text/registry.cc lists the architectures).
/// The file must outlive the model. @error kUnsupported naming the architecture or the feature
base::Result<std::unique_ptr<LanguageModel>> load_language_model(const formats::ModelFile& file,
                                                                 const LoadOptions& options, base::ThreadPool& pool);

}  // namespace marquee::text
