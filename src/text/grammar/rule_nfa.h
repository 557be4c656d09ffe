#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/grammar/budget.h"
#include "text/grammar/expression.h"
#include "text/grammar/rule_graph.h"
#include "text/grammar/utf8_sequences.h"

namespace marquee::text::grammar {

/// One rule as a nondeterministic automaton over bytes and calls, built after Thompson.
/// @source Thompson: Regular expression search algorithm (CACM 1968)
class RuleNfa {
 public:
  struct Edge {
    enum class Kind : std::uint8_t { kEmpty, kBytes, kCall } kind = Kind::kEmpty;
    std::uint8_t low = 0;
    std::uint8_t high = 0;
    std::uint32_t to = 0;
    RuleId rule = 0;
    std::uint32_t next = 0;  ///< the state's next edge, kNone at the end
  };
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  /// Incomplete if the budget is spent.
  RuleNfa(const Grammar& grammar, std::span<const RuleFacts> facts, RuleId rule, Budget& budget);

  [[nodiscard]] std::uint32_t start() const { return start_; }
  [[nodiscard]] std::uint32_t end() const { return end_; }
  [[nodiscard]] std::size_t states() const { return first_.size(); }
  template <typename Use>
  void for_each_edge(std::uint32_t state, const Use& use) const {
    for (std::uint32_t i = first_[state]; i != kNone; i = edges_[i].next) use(edges_[i]);
  }

 private:
  std::uint32_t add_state();
  void add_edge(std::uint32_t from, Edge edge);
  void add_empty(std::uint32_t from, std::uint32_t to) { add_edge(from, {.kind = Edge::Kind::kEmpty, .to = to}); }
  void add_bytes(std::uint32_t from, ByteRange range, std::uint32_t to) {
    add_edge(from, {.kind = Edge::Kind::kBytes, .low = range.low, .high = range.high, .to = to});
  }
  /// Adds what `id` matches after `from` and gives the state after it.
  std::uint32_t build(ExprId id, std::uint32_t from);
  std::uint32_t build_literal(std::string_view bytes, std::uint32_t from);
  void build_class(const CharClass& ranges, std::uint32_t from, std::uint32_t to);
  std::uint32_t build_repeat(const Expr& expr, std::uint32_t from);
  std::uint32_t build_rule(RuleId rule, std::uint32_t from);
  std::uint32_t build_list(const Expr& expr, std::uint32_t from);
  std::uint32_t build_free_text(const Expr& expr, std::uint32_t from);

  const Grammar& grammar_;
  std::span<const RuleFacts> facts_;
  Budget& budget_;
  std::vector<std::uint32_t> first_;
  std::vector<Edge> edges_;
  std::uint32_t start_ = 0;
  std::uint32_t end_ = 0;
};

}  // namespace marquee::text::grammar
