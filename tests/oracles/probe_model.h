#pragma once
// What the probes that compute with a model share: the model, threads, and a cache for one sequence at a time.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "formats/model_file.h"
#include "kernels/cpu.h"
#include "tensor/kv_cache.h"
#include "tensor/ops.h"
#include "text/language_model.h"

namespace marquee::oracles {

using formats::TokenId;

struct ProbeOptions {
  kernels::DType kv_dtype = kernels::DType::kF32;
  std::int32_t max_context = 0;  ///< 0: the model's own
  unsigned threads = 0;          ///< 0: one per available CPU
  tensor::ActivationType activations = tensor::ActivationType::kInt8;
};

/// A model that runs one sequence, always in the same pages, so that a new sequence just begins at position 0.
class ProbeModel {
 public:
  /// @error as ModelFile::open and load_language_model; kInvalidArgument for a wrong MARQUEE_ISA
  static base::Result<ProbeModel> open(const std::filesystem::path& path, const ProbeOptions& options) {
    MARQUEE_ASSIGN(const auto isa, kernels::chosen_isa());
    ProbeModel probe;
    probe.isa_ = kernels::to_string(isa.isa);
    probe.activations_ = options.activations;
    probe.pool_ = std::make_unique<base::ThreadPool>(options.threads);
    MARQUEE_ASSIGN(probe.file_, formats::ModelFile::open(path));
    MARQUEE_ASSIGN(probe.model_,
                   text::load_language_model(*probe.file_, {options.kv_dtype, options.max_context}, *probe.pool_));
    const std::int32_t pages = (probe.facts().context_length + tensor::kKvPageTokens - 1) / tensor::kKvPageTokens;
    MARQUEE_ASSIGN(probe.cache_, tensor::KvPool::create(probe.facts().kv, pages));
    for (std::int32_t page = 0; page < pages; ++page) {
      MARQUEE_ASSIGN(const std::int32_t held, probe.cache_->allocate());
      probe.pages_.push_back(held);
    }
    return probe;
  }

  [[nodiscard]] const text::ModelFacts& facts() const { return model_->facts(); }
  [[nodiscard]] const formats::ModelFile& file() const { return *file_; }
  [[nodiscard]] base::ThreadPool& pool() { return *pool_; }
  [[nodiscard]] std::string_view isa() const { return isa_; }

  /// Runs tokens that begin at `position` of the one sequence. @shape logits: [tokens, vocab_size], or empty for none
  base::Result<void> run(std::span<const TokenId> tokens, std::int32_t position, std::span<float> logits) {
    using Logits = text::SequenceSlice::Logits;
    const text::SequenceSlice slice{tokens, position, pages_, logits.empty() ? Logits::kNone : Logits::kAll};
    const auto vocabulary = static_cast<std::size_t>(facts().vocab_size);
    tensor::ComputeContext context{*pool_, activations_};
    return model_->forward(context, {&slice, 1}, *cache_, {logits.data(), logits.size() / vocabulary, vocabulary});
  }

 private:
  std::string isa_;
  tensor::ActivationType activations_ = tensor::ActivationType::kInt8;
  std::unique_ptr<base::ThreadPool> pool_;
  std::unique_ptr<formats::ModelFile> file_;
  std::unique_ptr<text::LanguageModel> model_;
  std::unique_ptr<tensor::KvPool> cache_;
  std::vector<std::int32_t> pages_;
};

}  // namespace marquee::oracles
