#include "text/grammar/expression.h"

#include <algorithm>
#include <utility>

namespace marquee::text::grammar {

CharClass normalised(CharClass ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.low < b.low; });
  CharClass joined;
  for (const CodePointRange& range : ranges) {
    if (!joined.empty() && range.low <= joined.back().high + 1) {
      joined.back().high = std::max(joined.back().high, range.high);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

CharClass inverted(const CharClass& ranges) {
  CharClass result;
  char32_t next = 0;
  for (const CodePointRange& range : ranges) {
    if (range.low > next) result.push_back({next, range.low - 1});
    next = range.high + 1;
  }
  if (next <= kMaxCodePoint) result.push_back({next, kMaxCodePoint});
  return result;
}

CharClass intersected(const CharClass& a, const CharClass& b) {
  CharClass result;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const char32_t low = std::max(a[i].low, b[j].low);
    const char32_t high = std::min(a[i].high, b[j].high);
    if (low <= high) result.push_back({low, high});
    a[i].high < b[j].high ? ++i : ++j;
  }
  return result;
}

ExprId Grammar::add(Expr expr) {
  for (const ExprId child : expr.children) expr.depth = std::max(expr.depth, expressions_[child].depth + 1);
  if (expressions_.size() >= kMaxExpressions || expr.depth > kMaxExpressionDepth) {
    full_ = true;
    if (!expressions_.empty()) return 0;
    expr = {};
  }
  expressions_.push_back(std::move(expr));
  return static_cast<ExprId>(expressions_.size() - 1);
}

ExprId Grammar::literal(std::string_view utf8) {
  return add({.kind = Expr::Kind::kLiteral, .literal = std::string(utf8)});
}

ExprId Grammar::char_class(CharClass ranges) {
  return add({.kind = Expr::Kind::kClass, .ranges = normalised(std::move(ranges))});
}

ExprId Grammar::sequence(std::vector<ExprId> parts) {
  if (parts.size() == 1) return parts.front();
  return add({.kind = Expr::Kind::kSequence, .children = std::move(parts)});
}

ExprId Grammar::choice(std::vector<ExprId> options) {
  if (options.size() == 1) return options.front();
  return add({.kind = Expr::Kind::kChoice, .children = std::move(options)});
}

ExprId Grammar::repeat(ExprId what, std::uint32_t min, std::uint32_t max) {
  return add({.kind = Expr::Kind::kRepeat, .min = min, .max = max, .children = {what}});
}

ExprId Grammar::reference(RuleId rule) { return add({.kind = Expr::Kind::kRule, .rule = rule}); }

ExprId Grammar::list(ExprId separator, const std::vector<ExprId>& items, std::vector<bool> required,
                     bool repeats_last) {
  std::vector<ExprId> children{separator};
  children.insert(children.end(), items.begin(), items.end());
  return add({.kind = Expr::Kind::kList,
              .max = repeats_last ? kUnbounded : 1,
              .children = std::move(children),
              .required = std::move(required)});
}

ExprId Grammar::free_text(std::string_view trigger, ExprId rest) {
  return add({.kind = Expr::Kind::kFreeText, .literal = std::string(trigger), .children = {rest}});
}

RuleId Grammar::declare(std::string name, bool shared) {
  if (rules_.size() >= kMaxRules) {
    full_ = true;
    return 0;
  }
  rules_.push_back({.name = std::move(name), .shared = shared});
  return static_cast<RuleId>(rules_.size() - 1);
}

void Grammar::define(RuleId rule, ExprId body) {
  rules_[rule].body = body;
  rules_[rule].defined = true;
}

}  // namespace marquee::text::grammar
