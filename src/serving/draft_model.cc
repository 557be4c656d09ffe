#include "serving/draft_model.h"

#include <algorithm>

namespace marquee::serving {
namespace {

using formats::TokenId;

std::size_t pages_for(std::size_t tokens) {
  return (tokens + tensor::kKvPageTokens - 1) / static_cast<std::size_t>(tensor::kKvPageTokens);
}

/// Forgets what is in the cache of guesses that were wrong. The last token is always computed anew, for its logits.
void keep_common(DraftState& state, std::span<const TokenId> tokens) {
  const std::size_t most = std::min(state.tokens.size(), tokens.size() - 1);
  const auto differs =
      std::mismatch(state.tokens.begin(), state.tokens.begin() + static_cast<std::ptrdiff_t>(most), tokens.begin());
  state.tokens.erase(differs.first, state.tokens.end());
}

}  // namespace

/// @return whether the sequence takes part
bool DraftModel::prepare(Wish& wish) {
  if (wish.most < 1 || wish.tokens.empty()) return false;
  DraftState& state = *wish.state;
  keep_common(state, wish.tokens);
  const auto context = static_cast<std::size_t>(model_.facts().context_length);
  const std::size_t end = wish.tokens.size() + static_cast<std::size_t>(wish.most) - 1;
  if (end > context) return false;
  while (state.pages.size() < pages_for(end)) {
    const auto page = pool_.allocate();
    if (!page) return false;
    state.pages.push_back(*page);
  }
  return true;
}

base::Result<void> DraftModel::guess(tensor::ComputeContext& context, std::span<Wish> wishes) {
  std::vector<Wish*> guessing;
  for (Wish& wish : wishes) {
    wish.guesses.clear();
    if (prepare(wish)) guessing.push_back(&wish);
  }
  while (!guessing.empty()) {
    MARQUEE_CHECK(run(context, guessing));
    std::erase_if(guessing, [](const Wish* wish) {
      return wish->guesses.empty() || static_cast<std::int32_t>(wish->guesses.size()) >= wish->most;
    });
  }
  return {};
}

/// Reads what each sequence has that the cache has not, at most a chunk, and guesses where that is all of it.
base::Result<void> DraftModel::run(tensor::ComputeContext& context, std::span<Wish*> wishes) {
  using Logits = text::SequenceSlice::Logits;
  slices_.clear();
  std::size_t rows = 0;
  for (Wish* const wish : wishes) {
    DraftState& state = *wish->state;
    const std::size_t begin = state.tokens.size();
    const auto left = wish->guesses.empty() ? wish->tokens.subspan(begin) : std::span(wish->guesses).last(1);
    const auto next = left.first(std::min(left.size(), static_cast<std::size_t>(chunk_tokens_)));
    const bool last = next.size() == left.size();
    slices_.push_back({next, static_cast<std::int32_t>(begin), state.pages, last ? Logits::kLast : Logits::kNone});
    rows += last ? 1 : 0;
  }
  const auto vocab = static_cast<std::size_t>(model_.facts().vocab_size);
  if (logits_.size() < rows * vocab) logits_.resize(rows * vocab);
  MARQUEE_CHECK(model_.forward(context, slices_, pool_, tensor::Matrix(logits_.data(), rows, vocab)));
  const float* row = logits_.data();
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    const text::SequenceSlice& slice = slices_[i];
    wishes[i]->state->tokens.insert(wishes[i]->state->tokens.end(), slice.tokens.begin(), slice.tokens.end());
    if (slice.logits == Logits::kNone) continue;
    wishes[i]->guesses.push_back(static_cast<TokenId>(std::max_element(row, row + vocab) - row));
    row += vocab;
  }
  return {};
}

void DraftModel::forget(DraftState& state) {
  for (const std::int32_t page : state.pages) pool_.release(page);
  state = {};
}

}  // namespace marquee::serving
