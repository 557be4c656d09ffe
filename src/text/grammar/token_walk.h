#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/grammar/automaton.h"
#include "text/grammar/stacks.h"
#include "text/grammar/token_vocabulary.h"

namespace marquee::text::grammar {

/// Follows a tree of tokens through an automaton, leaving out every subtree that it cannot read. Keeps its scratch
/// memory between walks.
class TokenWalk {
 public:
  /// Steps that finding one mask may take: a grammar that needs more can be read in too many ways.
  static constexpr std::size_t kMaxWork = 4'000'000;

  void reset_work() { work_ = 0; }

  /// Walks the subtree of `root` from `from`, which holds after the bytes of `root`. Calls on_tokens(node) where tokens
  /// end that can be read, and on_done(node) where the whole text may have ended.
  /// @return false if the work of all walks since reset_work() became too much
  template <typename OnTokens, typename OnDone>
  bool run(const Automaton& automaton, Frames& frames, const TokenTree& tree, std::uint32_t root, const Position& from,
           const OnTokens& on_tokens, const OnDone& on_done) {
    if (levels_.size() <= tree.depth()) levels_.resize(tree.depth() + std::size_t{1});
    const std::uint16_t root_depth = tree.node(root).depth;
    if (from.overflow) return false;
    set_level(automaton, levels_[0], from);
    for (std::uint32_t index = root + 1; index < tree.node(root).end;) {
      const TokenTree::Node& node = tree.node(index);
      const std::size_t depth = node.depth - root_depth;
      if (!read(automaton, frames, levels_[depth - 1], node.byte, levels_[depth])) {
        if (work_ > kMaxWork) return false;
        index = node.end;
        continue;
      }
      on_tokens(index);
      const Level& level = levels_[depth];
      if (level.single) {
        ++index;
        continue;
      }
      if (level.position.done) on_done(index);
      index = level.position.heads.empty() ? node.end : index + 1;
    }
    return true;
  }

 private:
  /// The position after a node's bytes. One head in a state that only reads bytes is by far the most common: then the
  /// head alone counts.
  struct Level {
    bool single = false;
    Head head;
    Position position;
  };

  static void set_level(const Automaton& automaton, Level& level, const Position& position) {
    level.position = position;
    note_single(automaton, level);
  }
  static void note_single(const Automaton& automaton, Level& level) {
    const Position& position = level.position;
    level.single = position.heads.size() == 1 && !position.done && automaton.plain(position.heads.front().state);
    if (level.single) level.head = position.heads.front();
  }
  /// @return false if nothing can be read, or too much has been
  bool read(const Automaton& automaton, Frames& frames, const Level& from, std::uint8_t byte, Level& to) {
    if (++work_ > kMaxWork) return false;
    if (!from.single) {
      advance(automaton, frames, from.position, byte, to.position);
      work_ += from.position.heads.size() + to.position.heads.size();
    } else {
      const StateId next = automaton.step(from.head.state, byte);
      if (next == kNoState) return false;
      to.single = automaton.plain(next);
      to.head = {next, from.head.below};
      if (to.single) return true;
      to.position.clear();
      add_state(automaton, frames, to.head, to.position);
      work_ += to.position.heads.size();
    }
    if (to.position.overflow) work_ = kMaxWork + 1;
    if (work_ > kMaxWork || to.position.dead()) return false;
    note_single(automaton, to);
    return true;
  }

  std::vector<Level> levels_;
  std::size_t work_ = 0;
};

}  // namespace marquee::text::grammar
