#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "text/grammar/automaton.h"
#include "text/grammar/rule_graph.h"
#include "text/grammar/rule_nfa.h"
#include "text/grammar/state_classes.h"

namespace marquee::text::grammar {

/// A state before its final number is known.
struct UnnumberedState {
  std::vector<Automaton::ByteEdge> edges;
  std::vector<Automaton::Call> calls;  ///< `start` holds the rule until link()
  bool accepting = false;
  bool productive = false;
};

namespace {

/// Subset construction over one rule's automaton, with calls as further letters.
class Determiniser {
 public:
  Determiniser(const RuleNfa& nfa, std::vector<UnnumberedState>& drafts, Budget& budget)
      : nfa_(nfa), drafts_(drafts), budget_(budget), seen_(nfa.states(), 0) {}

  /// @return the rule's start state
  StateId run() {
    const StateId start = state_of({nfa_.start()});
    for (std::size_t i = 0; i < sets_.size() && !budget_.spent(); ++i) expand(i);
    return start;
  }

 private:
  using Set = std::vector<std::uint32_t>;

  void close(Set& set) {
    ++stamp_;
    for (const std::uint32_t state : set) seen_[state] = stamp_;
    for (std::size_t i = 0; i < set.size(); ++i) {
      nfa_.for_each_edge(set[i], [&](const RuleNfa::Edge& edge) {
        if (edge.kind != RuleNfa::Edge::Kind::kEmpty || seen_[edge.to] == stamp_) return;
        seen_[edge.to] = stamp_;
        set.push_back(edge.to);
      });
    }
    std::sort(set.begin(), set.end());
  }

  StateId state_of(Set set) {
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    close(set);
    const auto [found, is_new] = ids_.try_emplace(std::move(set), static_cast<StateId>(drafts_.size()));
    if (!is_new) return found->second;
    budget_.take(sizeof(UnnumberedState) + found->first.size() * sizeof(std::uint32_t) + 64);
    UnnumberedState& draft = drafts_.emplace_back();
    draft.accepting = std::binary_search(found->first.begin(), found->first.end(), nfa_.end());
    sets_.push_back(&found->first);
    return found->second;
  }

  void expand(std::size_t index) {
    const Set& set = *sets_[index];
    const StateId id = ids_.find(set)->second;
    std::map<RuleId, Set> calls;
    std::vector<RuleNfa::Edge> edges;
    std::array<bool, 257> border{};
    for (const std::uint32_t state : set) {
      nfa_.for_each_edge(state, [&](const RuleNfa::Edge& edge) {
        if (edge.kind == RuleNfa::Edge::Kind::kCall) calls[edge.rule].push_back(edge.to);
        if (edge.kind != RuleNfa::Edge::Kind::kBytes) return;
        edges.push_back(edge);
        border[edge.low] = true;
        border[edge.high + 1U] = true;
      });
    }
    add_byte_edges(id, edges, border);
    for (auto& [rule, targets] : calls) {
      const StateId target = state_of(std::move(targets));
      budget_.take(sizeof(Automaton::Call));
      drafts_[id].calls.push_back({rule, target});
    }
  }

  void add_byte_edges(StateId id, std::vector<RuleNfa::Edge>& edges, const std::array<bool, 257>& border) {
    std::sort(edges.begin(), edges.end(), [](const auto& a, const auto& b) { return a.low < b.low; });
    std::vector<RuleNfa::Edge> live;
    std::size_t next = 0;
    for (unsigned low = 0; low < 256 && !budget_.spent();) {
      unsigned high = low;
      while (!border[high + 1] && high < 255) ++high;
      std::erase_if(live, [low](const RuleNfa::Edge& edge) { return edge.high < low; });
      for (; next < edges.size() && edges[next].low == low; ++next) live.push_back(edges[next]);
      if (!live.empty()) {
        Set targets;
        for (const RuleNfa::Edge& edge : live) targets.push_back(edge.to);
        add_byte_edge(id, static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(high), state_of(targets));
      }
      low = high + 1;
    }
  }

  void add_byte_edge(StateId id, std::uint8_t low, std::uint8_t high, StateId target) {
    auto& edges = drafts_[id].edges;
    if (!edges.empty() && edges.back().target == target && edges.back().high + 1 == low) {
      edges.back().high = high;
      return;
    }
    budget_.take(sizeof(Automaton::ByteEdge));
    edges.push_back({low, high, target});
  }

  const RuleNfa& nfa_;
  std::vector<UnnumberedState>& drafts_;
  Budget& budget_;
  std::map<Set, StateId> ids_;
  std::vector<const Set*> sets_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t stamp_ = 0;
};

}  // namespace

class AutomatonBuilder {
 public:
  AutomatonBuilder(const Grammar& grammar, Budget& budget) : grammar_(grammar), budget_(budget) {}

  base::Result<std::shared_ptr<const Automaton>> run() {
    MARQUEE_CHECK(check_rules());
    facts_ = rule_facts(grammar_);
    starts_.resize(grammar_.rules().size());
    starts_[grammar_.root()] = build_rule(grammar_.root());
    for (std::size_t next = 0; next < drafts_.size(); ++next) {
      for (std::size_t i = 0; i < drafts_[next].calls.size() && !budget_.spent(); ++i) {
        const RuleId rule = drafts_[next].calls[i].start;
        if (!starts_[rule]) starts_[rule] = build_rule(rule);
      }
    }
    if (budget_.spent()) return budget_.error();
    MARQUEE_CHECK(refuse_left_recursion());
    link();
    find_productive();
    if (budget_.spent()) return budget_.error();
    const StateId root = *starts_[grammar_.root()];
    if (!drafts_[root].productive) return base::invalid_argument("no text matches it");
    return pack(root);
  }

 private:
  base::Result<void> check_rules() const {
    if (grammar_.full()) {
      return base::invalid_argument("it is too large: at most " + std::to_string(kMaxExpressions) + " parts and " +
                                    std::to_string(kMaxRules) + " rules are allowed, nested at most " +
                                    std::to_string(kMaxExpressionDepth) + " deep");
    }
    for (const Rule& rule : grammar_.rules()) {
      if (!rule.defined) return base::invalid_argument("the rule '" + rule.name + "' is not defined");
    }
    return {};
  }

  StateId build_rule(RuleId rule) {
    const RuleNfa nfa(grammar_, facts_, rule, budget_);
    if (budget_.spent()) return 0;
    return Determiniser(nfa, drafts_, budget_).run();
  }

  // A rule that begins with itself would call itself for ever. Calls read at least a byte, so only those of start
  // states count.
  base::Result<void> refuse_left_recursion() const {
    enum class Mark : std::uint8_t { kNew, kOpen, kDone };
    struct Frame {
      RuleId rule;
      std::size_t next;
    };
    std::vector<Mark> marks(grammar_.rules().size(), Mark::kNew);
    for (RuleId first = 0; first < marks.size(); ++first) {
      if (!starts_[first] || marks[first] != Mark::kNew) continue;
      std::vector<Frame> open{{first, 0}};
      marks[first] = Mark::kOpen;
      while (!open.empty()) {
        Frame& frame = open.back();
        const auto& calls = drafts_[*starts_[frame.rule]].calls;
        if (frame.next == calls.size()) {
          marks[frame.rule] = Mark::kDone;
          open.pop_back();
          continue;
        }
        const RuleId called = calls[frame.next++].start;
        if (marks[called] == Mark::kOpen) {
          return base::invalid_argument("the rule '" + grammar_.rules()[called].name +
                                        "' is left-recursive: it can begin with itself; write the repetition with * or "
                                        "put something that is not empty before it");
        }
        if (marks[called] == Mark::kDone) continue;
        marks[called] = Mark::kOpen;
        open.push_back({called, 0});
      }
    }
    return {};
  }

  void link() {
    for (UnnumberedState& draft : drafts_) {
      for (Automaton::Call& call : draft.calls) call.start = *starts_[call.start];
    }
  }

  [[nodiscard]] bool useful(const Automaton::Call& call) const {
    const UnnumberedState& start = drafts_[call.start];
    return drafts_[call.target].productive && leads_on(start);
  }
  /// An end of its rule can be reached by reading at least one byte.
  [[nodiscard]] bool leads_on(const UnnumberedState& draft) const {
    return std::any_of(draft.edges.begin(), draft.edges.end(),
                       [this](const Automaton::ByteEdge& edge) { return drafts_[edge.target].productive; }) ||
           std::any_of(draft.calls.begin(), draft.calls.end(),
                       [this](const Automaton::Call& call) { return useful(call); });
  }

  // From the last state to the first, since edges mostly lead to later ones.
  void find_productive() {
    for (bool changed = true; changed && !budget_.spent();) {
      changed = false;
      for (std::size_t i = drafts_.size(); i-- > 0 && budget_.take(0);) {
        UnnumberedState& draft = drafts_[i];
        if (draft.productive || !(draft.accepting || leads_on(draft))) continue;
        draft.productive = true;
        changed = true;
      }
    }
    for (UnnumberedState& draft : drafts_) {
      std::erase_if(draft.calls, [this](const Automaton::Call& call) { return !useful(call); });
    }
    for (UnnumberedState& draft : drafts_) {
      std::erase_if(draft.edges, [this](const Automaton::ByteEdge& edge) { return !drafts_[edge.target].productive; });
    }
  }

  /// Numbers what can be reached, breadth first.
  base::Result<std::shared_ptr<const Automaton>> pack(StateId root) {
    std::vector<StateId> order{root};
    std::vector<StateId> number(drafts_.size(), kNoState);
    number[root] = 0;
    const auto reach = [&](StateId draft) {
      if (number[draft] != kNoState) return;
      number[draft] = static_cast<StateId>(order.size());
      order.push_back(draft);
    };
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (const auto& edge : drafts_[order[i]].edges) reach(edge.target);
      for (const auto& call : drafts_[order[i]].calls) {
        reach(call.start);
        if (!is_bare_end(drafts_[call.target])) reach(call.target);
      }
    }
    auto automaton = std::make_shared<Automaton>();
    for (const StateId draft : order) append(*automaton, drafts_[draft], number);
    automaton->start_ = 0;
    fill_dense(*automaton);
    auto classes = find_state_classes(*automaton, budget_);
    if (budget_.spent()) return budget_.error();
    automaton->classes_ = std::move(classes.classes);
    automaton->classes_exact_ = classes.exact;
    return std::shared_ptr<const Automaton>(std::move(automaton));
  }

  static bool is_bare_end(const UnnumberedState& draft) { return draft.edges.empty() && draft.calls.empty(); }

  void append(Automaton& automaton, const UnnumberedState& draft, const std::vector<StateId>& number) {
    Automaton::State state;
    state.accepting = draft.accepting;
    state.plain = !draft.accepting && draft.calls.empty();
    state.first_edge = static_cast<std::uint32_t>(automaton.edges_.size());
    state.edge_count = static_cast<std::uint32_t>(draft.edges.size());
    for (const auto& edge : draft.edges) automaton.edges_.push_back({edge.low, edge.high, number[edge.target]});
    state.first_call = static_cast<std::uint32_t>(automaton.calls_.size());
    state.call_count = static_cast<std::uint32_t>(draft.calls.size());
    // A call that is the last thing its rule does needs no frame of its own, so that lists written by right recursion
    // do not make the stack grow.
    for (const auto& call : draft.calls) {
      automaton.calls_.push_back(
          {number[call.start], is_bare_end(drafts_[call.target]) ? kNoState : number[call.target]});
    }
    automaton.states_.push_back(state);
    budget_.take(sizeof(Automaton::State) + draft.edges.size() * sizeof(Automaton::ByteEdge) +
                 draft.calls.size() * sizeof(Automaton::Call));
  }

  void fill_dense(Automaton& automaton) {
    constexpr std::uint32_t kManyEdges = 4;
    constexpr std::size_t kMaxTables = 1'024;
    for (auto& state : automaton.states_) {
      if (state.edge_count <= kManyEdges || automaton.dense_.size() >= kMaxTables) continue;
      if (!budget_.take(sizeof(automaton.dense_.front()))) return;
      state.dense = static_cast<std::uint32_t>(automaton.dense_.size());
      auto& table = automaton.dense_.emplace_back();
      table.fill(kNoState);
      for (std::uint32_t i = 0; i < state.edge_count; ++i) {
        const auto& edge = automaton.edges_[state.first_edge + i];
        for (unsigned byte = edge.low; byte <= edge.high; ++byte) table[byte] = edge.target;
      }
    }
  }

  const Grammar& grammar_;
  Budget& budget_;
  std::vector<RuleFacts> facts_;
  std::vector<UnnumberedState> drafts_;
  std::vector<std::optional<StateId>> starts_;  ///< of the rules that are called
};

base::Result<std::shared_ptr<const Automaton>> build_automaton(const Grammar& grammar, Budget& budget) {
  return AutomatonBuilder(grammar, budget).run();
}

StateId Automaton::step(StateId id, std::uint8_t byte) const {
  const State& state = states_[id];
  if (state.dense != kNoState) return dense_[state.dense][byte];
  for (const ByteEdge& edge : edges(id)) {
    if (byte <= edge.high) return byte >= edge.low ? edge.target : kNoState;
  }
  return kNoState;
}

std::size_t Automaton::bytes() const {
  return states_.size() * sizeof(State) + edges_.size() * sizeof(ByteEdge) + calls_.size() * sizeof(Call) +
         dense_.size() * sizeof(dense_.front()) + classes_.size() * sizeof(std::uint32_t);
}

}  // namespace marquee::text::grammar
