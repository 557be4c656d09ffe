#include "text/grammar/rule_nfa.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace marquee::text::grammar {

RuleNfa::RuleNfa(const Grammar& grammar, std::span<const RuleFacts> facts, RuleId rule, Budget& budget)
    : grammar_(grammar), facts_(facts), budget_(budget) {
  start_ = add_state();
  end_ = build(grammar.rules()[rule].body, start_);
}

std::uint32_t RuleNfa::add_state() {
  budget_.take(sizeof(std::uint32_t));
  first_.push_back(kNone);
  return static_cast<std::uint32_t>(first_.size() - 1);
}

void RuleNfa::add_edge(std::uint32_t from, Edge edge) {
  if (!budget_.take(sizeof(Edge))) return;
  edge.next = std::exchange(first_[from], static_cast<std::uint32_t>(edges_.size()));
  edges_.push_back(edge);
}

std::uint32_t RuleNfa::build(ExprId id, std::uint32_t from) {
  if (budget_.spent()) return from;
  const Expr& expr = grammar_.at(id);
  switch (expr.kind) {
    case Expr::Kind::kLiteral: return build_literal(expr.literal, from);
    case Expr::Kind::kClass: {
      const std::uint32_t to = add_state();
      build_class(expr.ranges, from, to);
      return to;
    }
    case Expr::Kind::kSequence:
      for (const ExprId child : expr.children) from = build(child, from);
      return from;
    case Expr::Kind::kChoice: {
      const std::uint32_t to = add_state();
      for (const ExprId child : expr.children) {
        const std::uint32_t begin = add_state();
        add_empty(from, begin);
        add_empty(build(child, begin), to);
      }
      return to;
    }
    case Expr::Kind::kRepeat: return build_repeat(expr, from);
    case Expr::Kind::kRule: return build_rule(expr.rule, from);
    case Expr::Kind::kList: return build_list(expr, from);
    case Expr::Kind::kFreeText: return build_free_text(expr, from);
  }
  return from;
}

std::uint32_t RuleNfa::build_literal(std::string_view bytes, std::uint32_t from) {
  for (const char c : bytes) {
    const std::uint32_t to = add_state();
    add_bytes(from, {static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(c)}, to);
    from = to;
  }
  return from;
}

// Sequences that end alike share the states of their ends.
void RuleNfa::build_class(const CharClass& ranges, std::uint32_t from, std::uint32_t to) {
  struct Tail {
    std::vector<ByteRange> ranges;
    std::uint32_t state;
  };
  std::vector<Tail> tails;
  const auto tail_state = [&](std::span<const ByteRange> rest, const auto& self) -> std::uint32_t {
    if (rest.empty()) return to;
    for (const Tail& tail : tails) {
      if (std::equal(rest.begin(), rest.end(), tail.ranges.begin(), tail.ranges.end())) return tail.state;
    }
    const std::uint32_t next = self(rest.subspan(1), self);
    const std::uint32_t state = add_state();
    add_bytes(state, rest.front(), next);
    tails.push_back({{rest.begin(), rest.end()}, state});
    return state;
  };
  for (const ByteSequence& sequence : utf8_sequences(ranges)) {
    if (budget_.spent()) return;
    const std::span<const ByteRange> all(sequence.ranges.data(), sequence.length);
    add_bytes(from, all.front(), tail_state(all.subspan(1), tail_state));
  }
}

std::uint32_t RuleNfa::build_repeat(const Expr& expr, std::uint32_t from) {
  const ExprId what = expr.children.front();
  for (std::uint32_t i = 0; i < expr.min && !budget_.spent(); ++i) from = build(what, from);
  if (expr.max == kUnbounded) {
    const std::uint32_t loop = add_state();
    add_empty(from, loop);
    add_empty(build(what, loop), loop);
    return loop;
  }
  const std::uint32_t to = add_state();
  for (std::uint32_t i = expr.min; i < expr.max && !budget_.spent(); ++i) {
    add_empty(from, to);
    const std::uint32_t begin = add_state();  // so that a loop inside `what` cannot reach back to an earlier copy
    add_empty(from, begin);
    from = build(what, begin);
  }
  add_empty(from, to);
  return to;
}

// A call reads at least one byte: that a rule matches the empty text is said by an edge beside the call.
std::uint32_t RuleNfa::build_rule(RuleId rule, std::uint32_t from) {
  if (facts_[rule].inlined) return build(grammar_.rules()[rule].body, from);
  const std::uint32_t to = add_state();
  add_edge(from, {.kind = Edge::Kind::kCall, .to = to, .rule = rule});
  if (facts_[rule].nullable) add_empty(from, to);
  return to;
}

// Two rows of states, one while nothing has been written and one behind an item, which needs the separator: so each
// item is built once, however many may come before it.
std::uint32_t RuleNfa::build_list(const Expr& expr, std::uint32_t from) {
  const ExprId separator = expr.children.front();
  const std::size_t items = expr.children.size() - 1;
  std::uint32_t nothing_yet = from;
  std::uint32_t behind = add_state();  // cannot be reached before the first item
  for (std::size_t i = 0; i < items && !budget_.spent(); ++i) {
    const std::uint32_t begin = add_state();
    add_empty(nothing_yet, begin);
    add_empty(build(separator, behind), begin);
    const std::uint32_t next_behind = add_state();
    add_empty(build(expr.children[i + 1], begin), next_behind);
    const std::uint32_t next_nothing = add_state();
    if (!expr.required[i]) {
      add_empty(nothing_yet, next_nothing);
      add_empty(behind, next_behind);
    }
    if (i + 1 == items && expr.max == kUnbounded) add_empty(build(separator, next_behind), begin);
    nothing_yet = next_nothing;
    behind = next_behind;
  }
  const std::uint32_t to = add_state();
  add_empty(nothing_yet, to);
  add_empty(behind, to);
  return to;
}

// The automaton of Knuth, Morris and Pratt: state i has read the trigger's first i bytes. A code point beyond ASCII
// leads back to the beginning, since a trigger is ASCII.
std::uint32_t RuleNfa::build_free_text(const Expr& expr, std::uint32_t from) {
  const std::string& trigger = expr.literal;
  const std::uint32_t to = add_state();
  std::vector<std::uint32_t> states(trigger.size() + 1);
  for (std::uint32_t& state : states) state = add_state();
  add_empty(from, states.front());
  for (std::size_t i = 0; i < trigger.size(); ++i) {
    add_empty(states[i], to);
    build_class({{0x80, kMaxCodePoint}}, states[i], states.front());
    for (unsigned c = 0; c < 0x80; ++c) {
      std::string seen = trigger.substr(0, i) + static_cast<char>(c);
      while (!trigger.starts_with(seen)) seen.erase(0, 1);
      const auto byte = static_cast<std::uint8_t>(c);
      add_bytes(states[i], {byte, byte}, states[seen.size()]);
    }
  }
  add_empty(build(expr.children.front(), states.back()), to);
  return to;
}

}  // namespace marquee::text::grammar
