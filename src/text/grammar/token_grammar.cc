#include "text/grammar/token_grammar.h"

#include <utility>

namespace marquee::text::grammar {
namespace {

std::shared_ptr<const StateMask> find_mask(const Automaton& automaton, const TokenTree& tree, std::size_t words,
                                           StateId state, TokenWalk& walk) {
  Frames frames;
  Position position;
  position.heads.push_back({state, kBottom});
  auto mask = std::make_shared<StateMask>();
  const bool found = walk.run(
      automaton, frames, tree, 0, position,
      [&](std::uint32_t node) {
        for (const formats::TokenId id : tree.tokens_at(node)) mask->few.push_back(id);
      },
      [&](std::uint32_t node) {
        if (tree.node(node).end > node + 1) mask->rule_ends.push_back(node);
      });
  if (!found) return nullptr;
  if (mask->few.size() > words) {
    mask->words.resize(words);
    for (const formats::TokenId id : mask->few) {
      mask->words[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (static_cast<unsigned>(id) % 64);
    }
    mask->few.clear();
  }
  mask->few.shrink_to_fit();
  mask->rule_ends.shrink_to_fit();
  return mask;
}

}  // namespace

std::shared_ptr<const StateMask> TokenGrammar::state_mask(StateId state, TokenWalk& walk) const {
  const std::uint32_t state_class = automaton_->class_of(state);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = masks_.find(state_class); found != masks_.end()) return found->second;
  }
  auto mask = find_mask(*automaton_, tree(), vocabulary_->mask_words(), state, walk);
  if (!mask) return nullptr;
  const std::lock_guard lock(mutex_);
  if (mask_bytes_ + mask->bytes() > kMaxMaskBytes) {
    masks_.clear();
    mask_bytes_ = 0;
  }
  if (masks_.emplace(state_class, mask).second) mask_bytes_ += mask->bytes();
  return mask;
}

}  // namespace marquee::text::grammar
