#include "text/grammar/rule_graph.h"

#include <algorithm>
#include <cstddef>

namespace marquee::text::grammar {
namespace {

// States of automaton that a rule may add to each of its callers. Above that a call costs less than the copies.
constexpr std::uint64_t kMaxInlinedWeight = 40;
constexpr std::uint64_t kTooHeavy = 1'000'000;
// What the UTF-8 of a class beyond ASCII takes.
constexpr std::uint64_t kWideClassWeight = 8;

class Analysis {
 public:
  explicit Analysis(const Grammar& grammar)
      : grammar_(grammar), facts_(grammar.rules().size()), weights_(grammar.rules().size(), 0) {}

  std::vector<RuleFacts> run() {
    find_nullable();
    collect_references();
    for (RuleId rule = 0; rule < facts_.size(); ++rule) visit(rule);
    return std::move(facts_);
  }

 private:
  void find_nullable() {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < facts_.size(); ++i) {
        const Rule& rule = grammar_.rules()[i];
        if (facts_[i].nullable || !rule.defined || !nullable(rule.body)) continue;
        facts_[i].nullable = true;
        changed = true;
      }
    }
  }

  [[nodiscard]] bool nullable(ExprId id) const {
    const Expr& expr = grammar_.at(id);
    const auto child_nullable = [this](ExprId child) { return nullable(child); };
    switch (expr.kind) {
      case Expr::Kind::kLiteral: return expr.literal.empty();
      case Expr::Kind::kClass: return false;
      case Expr::Kind::kSequence: return std::all_of(expr.children.begin(), expr.children.end(), child_nullable);
      case Expr::Kind::kChoice: return std::any_of(expr.children.begin(), expr.children.end(), child_nullable);
      case Expr::Kind::kRepeat: return expr.min == 0 || nullable(expr.children.front());
      case Expr::Kind::kRule: return facts_[expr.rule].nullable;
      case Expr::Kind::kList: return std::find(expr.required.begin(), expr.required.end(), true) == expr.required.end();
      case Expr::Kind::kFreeText: return true;
    }
    return false;
  }

  void collect_references() {
    references_.resize(facts_.size());
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      if (!grammar_.rules()[i].defined) continue;
      collect(grammar_.rules()[i].body, references_[i]);
    }
  }

  void collect(ExprId id, std::vector<RuleId>& out) const {
    const Expr& expr = grammar_.at(id);
    if (expr.kind == Expr::Kind::kRule) out.push_back(expr.rule);
    for (const ExprId child : expr.children) collect(child, out);
  }

  // Depth first without recursion, since a chain of rules may be long. The target of an edge back to a rule that is
  // still open is never inlined, which leaves no cycle of inlined rules.
  void visit(RuleId first) {
    if (marks_.empty()) marks_.resize(facts_.size(), Mark::kNew);
    if (marks_[first] != Mark::kNew) return;
    struct Frame {
      RuleId rule;
      std::size_t next;
    };
    std::vector<Frame> open{{first, 0}};
    marks_[first] = Mark::kOpen;
    while (!open.empty()) {
      Frame& frame = open.back();
      if (frame.next < references_[frame.rule].size()) {
        const RuleId called = references_[frame.rule][frame.next++];
        if (marks_[called] == Mark::kOpen) recursive_.push_back(called);
        if (marks_[called] != Mark::kNew) continue;
        marks_[called] = Mark::kOpen;
        open.push_back({called, 0});
        continue;
      }
      close(frame.rule);
      open.pop_back();
    }
  }

  void close(RuleId id) {
    marks_[id] = Mark::kDone;
    const Rule& rule = grammar_.rules()[id];
    if (!rule.defined) return;
    weights_[id] = weight(rule.body) + 1;
    const bool recursive = std::find(recursive_.begin(), recursive_.end(), id) != recursive_.end();
    facts_[id].inlined =
        !recursive && !rule.shared && weights_[id] <= kMaxInlinedWeight && !is_delimited_loop(rule.body);
  }

  /// Something like a JSON string, whose inside takes long to find masks for and whose end is easy to see: better one
  /// automaton that everybody calls.
  [[nodiscard]] bool is_delimited_loop(ExprId id) const {
    const Expr& expr = grammar_.at(id);
    if (expr.kind != Expr::Kind::kSequence || expr.children.empty()) return false;
    const Expr& last = grammar_.at(expr.children.back());
    if (last.kind != Expr::Kind::kLiteral && last.kind != Expr::Kind::kClass) return false;
    return std::any_of(expr.children.begin(), expr.children.end(), [this](ExprId child) {
      return grammar_.at(child).kind == Expr::Kind::kRepeat && grammar_.at(child).max == kUnbounded;
    });
  }

  [[nodiscard]] std::uint64_t weight(ExprId id) const {
    const Expr& expr = grammar_.at(id);
    std::uint64_t sum = 1;
    switch (expr.kind) {
      case Expr::Kind::kLiteral: return expr.literal.size() + 1;
      case Expr::Kind::kClass: return !expr.ranges.empty() && expr.ranges.back().high >= 0x80 ? kWideClassWeight : 1;
      case Expr::Kind::kRule: return facts_[expr.rule].inlined ? weights_[expr.rule] : 1;
      case Expr::Kind::kFreeText: return kTooHeavy;
      case Expr::Kind::kRepeat: {
        const std::uint64_t copies = expr.max == kUnbounded ? std::max(expr.min, 1U) : expr.max;
        return std::min(kTooHeavy, weight(expr.children.front()) * copies + 1);
      }
      case Expr::Kind::kSequence:
      case Expr::Kind::kChoice:
      case Expr::Kind::kList:
        for (const ExprId child : expr.children) sum = std::min(kTooHeavy, sum + weight(child));
        return sum;
    }
    return sum;
  }

  enum class Mark : std::uint8_t { kNew, kOpen, kDone };
  const Grammar& grammar_;
  std::vector<RuleFacts> facts_;
  std::vector<std::uint64_t> weights_;
  std::vector<std::vector<RuleId>> references_;
  std::vector<Mark> marks_;
  std::vector<RuleId> recursive_;
};

}  // namespace

std::vector<RuleFacts> rule_facts(const Grammar& grammar) { return Analysis(grammar).run(); }

}  // namespace marquee::text::grammar
