#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "formats/tokenizer.h"
#include "tensor/kv_cache.h"
#include "tensor/ops.h"
#include "text/language_model.h"

namespace marquee::serving {

/// What the draft model has in its cache of one sequence.
struct DraftState {
  std::vector<formats::TokenId> tokens;
  std::vector<std::int32_t> pages;
};

/// A smaller model of the same vocabulary that guesses what a larger one will say: always its most likely tokens.
/// Not shared between threads. @source arXiv:2211.17192
class DraftModel {
 public:
  /// One sequence's guesses.
  struct Wish {
    std::span<const formats::TokenId> tokens;  ///< all of the sequence that is known
    DraftState* state = nullptr;
    std::int32_t most = 0;  ///< guesses wanted
    std::vector<formats::TokenId> guesses = {};
  };

  /// @param chunk_tokens most tokens of a sequence read at once: a prompt is read over several calls
  DraftModel(text::LanguageModel& model, tensor::KvPool& pool, std::int32_t chunk_tokens)
      : model_(model), pool_(pool), chunk_tokens_(chunk_tokens) {}

  /// Fills `guesses`; leaves them empty for a sequence that is still being read, for which there are no pages, or that
  /// is longer than the model's context. @error the model's
  base::Result<void> guess(tensor::ComputeContext& context, std::span<Wish> wishes);
  /// Gives a sequence's pages back.
  void forget(DraftState& state);

 private:
  bool prepare(Wish& wish);
  base::Result<void> run(tensor::ComputeContext& context, std::span<Wish*> wishes);

  text::LanguageModel& model_;
  tensor::KvPool& pool_;
  const std::int32_t chunk_tokens_;
  std::vector<text::SequenceSlice> slices_;
  std::vector<float> logits_;
};

}  // namespace marquee::serving
