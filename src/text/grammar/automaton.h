#pragma once
// A grammar as a pushdown automaton over bytes: one deterministic automaton for each rule, whose edges read a byte or
// call another rule.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/grammar/budget.h"
#include "text/grammar/expression.h"

namespace marquee::text::grammar {

using StateId = std::uint32_t;
constexpr StateId kNoState = 0xFFFFFFFF;

/// How many bytes deep two states must behave alike to be of one class.
constexpr std::uint32_t kClassHorizon = 24;

class Automaton {
 public:
  struct ByteEdge {
    std::uint8_t low;
    std::uint8_t high;
    StateId target;
  };
  struct Call {
    StateId start;   ///< of the called rule; it reads at least one byte
    StateId target;  ///< where its end leads; kNoState: to where the calling rule's end leads
  };

  [[nodiscard]] StateId start() const { return start_; }
  [[nodiscard]] std::size_t states() const { return states_.size(); }
  /// A rule may end here.
  [[nodiscard]] bool accepting(StateId state) const { return states_[state].accepting; }
  /// Has byte edges and nothing else.
  [[nodiscard]] bool plain(StateId state) const { return states_[state].plain; }
  [[nodiscard]] std::span<const ByteEdge> edges(StateId state) const {
    return {edges_.data() + states_[state].first_edge, states_[state].edge_count};
  }
  [[nodiscard]] std::span<const Call> calls(StateId state) const {
    return {calls_.data() + states_[state].first_call, states_[state].call_count};
  }
  /// Where `byte` leads, or kNoState.
  [[nodiscard]] StateId step(StateId state, std::uint8_t byte) const;
  /// States of one class read the same texts of up to kClassHorizon bytes, and end their rule after the same ones.
  [[nodiscard]] std::uint32_t class_of(StateId state) const { return classes_[state]; }
  /// States of one class read the same texts of any length.
  [[nodiscard]] bool classes_exact() const { return classes_exact_; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  friend class AutomatonBuilder;
  struct State {
    std::uint32_t first_edge = 0;
    std::uint32_t first_call = 0;
    std::uint32_t edge_count = 0;
    std::uint32_t call_count = 0;
    std::uint32_t dense = kNoState;  ///< index of a table of all bytes
    bool accepting = false;
    bool plain = false;
  };

  std::vector<State> states_;
  std::vector<ByteEdge> edges_;
  std::vector<Call> calls_;
  std::vector<std::array<StateId, 256>> dense_;
  std::vector<std::uint32_t> classes_;
  StateId start_ = 0;
  bool classes_exact_ = false;
};

/// @error kInvalidArgument: a rule that is not defined, left recursion (naming the rule), a grammar that no text
///        matches, or one that costs more than `budget` has left
base::Result<std::shared_ptr<const Automaton>> build_automaton(const Grammar& grammar, Budget& budget);

}  // namespace marquee::text::grammar
