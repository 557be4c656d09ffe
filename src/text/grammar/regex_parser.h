#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "text/grammar/expression.h"
#include "text/grammar/json_rules.h"

namespace marquee::text::grammar {

constexpr std::size_t kMaxPatternBytes = 4'096;
constexpr std::size_t kMaxPatternNesting = 32;
constexpr std::uint32_t kMaxPatternCount = 4'096;

struct PatternExpr {
  ExprId content = 0;                ///< the string's characters as JSON writes them, without the quotation marks
  std::uint32_t min_characters = 0;  ///< of the strings that match
  std::uint32_t max_characters = kUnbounded;
};

/// Reads a regular expression of ECMA 262 as JSON Schema's `pattern` has it: it may match anywhere in the string unless
/// anchored. Known are characters, `.`, classes, \d \w \s and their opposites, groups, `|`, `* + ?` and counts; `^` and
/// `$` where an alternative of the whole expression begins and ends. Look-around, back-references, \b and \p are not.
/// @error kInvalidArgument with the column
base::Result<PatternExpr> parse_pattern(std::string_view pattern, Grammar& grammar, JsonRules& rules);

}  // namespace marquee::text::grammar
