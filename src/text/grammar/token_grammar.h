#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/grammar/automaton.h"
#include "text/grammar/stacks.h"
#include "text/grammar/token_vocabulary.h"
#include "text/grammar/token_walk.h"

namespace marquee::text::grammar {

/// What can be said of all tokens from a state alone, whatever the stack under it: which are allowed, and where in the
/// tree of tokens the state's rule may have ended, so that the rest of a token depends on the stack.
/// @source Dong et al.: XGrammar (arXiv:2411.15100), where such tokens are listed one by one
struct StateMask {
  std::vector<std::uint64_t> words;      ///< one bit for each token; empty if few are allowed
  std::vector<formats::TokenId> few;     ///< else these
  std::vector<std::uint32_t> rule_ends;  ///< nodes of the tree with something below them
  [[nodiscard]] std::size_t bytes() const {
    return words.size() * sizeof(words[0]) + few.size() * sizeof(few[0]) + rule_ends.size() * sizeof(rule_ends[0]);
  }
};

/// An automaton together with a vocabulary, and the masks found so far. Shared by every answer that uses the grammar;
/// safe to use from many threads.
class TokenGrammar {
 public:
  /// Masks kept; above that all are forgotten.
  static constexpr std::size_t kMaxMaskBytes = std::size_t{4} << 20U;

  TokenGrammar(std::shared_ptr<const Automaton> automaton, std::shared_ptr<const TokenVocabulary> vocabulary)
      : automaton_(std::move(automaton)), vocabulary_(std::move(vocabulary)) {}

  [[nodiscard]] const Automaton& automaton() const { return *automaton_; }
  [[nodiscard]] const TokenVocabulary& vocabulary() const { return *vocabulary_; }
  /// The tokens that state masks are about: all, or the short ones if only those have the same masks throughout a
  /// class.
  [[nodiscard]] const TokenTree& tree() const {
    return automaton_->classes_exact() ? vocabulary_->all() : vocabulary_->short_ones();
  }
  /// @return null if finding it takes too much work
  std::shared_ptr<const StateMask> state_mask(StateId state, TokenWalk& walk) const;

 private:
  std::shared_ptr<const Automaton> automaton_;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::uint32_t, std::shared_ptr<const StateMask>> masks_;  ///< by class
  mutable std::size_t mask_bytes_ = 0;
};

}  // namespace marquee::text::grammar
