#pragma once
// A context-free grammar as both front ends (GBNF, JSON Schema) write it down: rules whose bodies are expressions over
// code points. automaton.h makes it into something that runs.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace marquee::text::grammar {

/// Code points low..high, both included.
struct CodePointRange {
  char32_t low = 0;
  char32_t high = 0;
  bool operator==(const CodePointRange&) const = default;
};

/// Sorted, disjoint ranges without gaps of length 0 between them.
using CharClass = std::vector<CodePointRange>;

constexpr char32_t kMaxCodePoint = 0x10FFFF;

/// Sorts and joins ranges. @pre low <= high <= kMaxCodePoint in each
CharClass normalised(CharClass ranges);
/// Every code point that is not in `ranges`. @pre normalised
CharClass inverted(const CharClass& ranges);
/// @pre both normalised
CharClass intersected(const CharClass& a, const CharClass& b);

using ExprId = std::uint32_t;
using RuleId = std::uint32_t;

constexpr std::uint32_t kUnbounded = 0xFFFFFFFF;

struct Expr {
  enum class Kind : std::uint8_t {
    kLiteral,   ///< `literal`, valid UTF-8; empty: the empty text
    kClass,     ///< one code point of `ranges`
    kSequence,  ///< the children one after another
    kChoice,    ///< one of the children; without children: no text at all
    kRepeat,    ///< children[0], min to max times
    kRule,      ///< the text of `rule`
    kList,      ///< the children from the second on, in order, with children[0] between them; see Grammar::list
    kFreeText,  ///< any text without `literal` (ASCII); or such a text, then `literal`, then children[0]
  };
  Kind kind = Kind::kLiteral;
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  RuleId rule = 0;
  std::uint32_t depth = 1;
  std::string literal = {};
  CharClass ranges = {};
  std::vector<ExprId> children = {};
  std::vector<bool> required = {};  ///< of a list: which of its items must come
};

struct Rule {
  std::string name;
  ExprId body = 0;
  bool defined = false;
  bool shared = false;  ///< kept as one piece of automaton, however small, so that its masks are computed once
};

/// Bounds that both front ends share. Above them full() is true and further expressions are dropped: a front end looks
/// at full() before it hands its grammar on.
constexpr std::size_t kMaxExpressions = 32'768;
constexpr std::size_t kMaxRules = 4'096;
constexpr std::size_t kMaxExpressionDepth = 512;

class Grammar {
 public:
  ExprId literal(std::string_view utf8);
  ExprId char_class(CharClass ranges);  ///< normalises
  ExprId sequence(std::vector<ExprId> parts);
  ExprId choice(std::vector<ExprId> options);
  ExprId repeat(ExprId what, std::uint32_t min, std::uint32_t max);
  ExprId optional(ExprId what) { return repeat(what, 0, 1); }
  ExprId reference(RuleId rule);
  /// The items in order, of which those that are not required may be left out, with `separator` between them. The last
  /// may come any number of times if `repeats_last`.
  ExprId list(ExprId separator, const std::vector<ExprId>& items, std::vector<bool> required, bool repeats_last);
  ExprId free_text(std::string_view trigger, ExprId rest);
  ExprId nothing() { return choice({}); }

  RuleId declare(std::string name, bool shared = false);
  void define(RuleId rule, ExprId body);

  [[nodiscard]] const Expr& at(ExprId id) const { return expressions_[id]; }
  [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }
  [[nodiscard]] std::size_t size() const { return expressions_.size(); }
  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] RuleId root() const { return root_; }
  void set_root(RuleId root) { root_ = root; }

 private:
  ExprId add(Expr expr);

  std::vector<Expr> expressions_;
  std::vector<Rule> rules_;
  RuleId root_ = 0;
  bool full_ = false;
};

}  // namespace marquee::text::grammar
