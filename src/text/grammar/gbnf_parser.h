#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "text/grammar/expression.h"

namespace marquee::text::grammar {

constexpr std::size_t kMaxGbnfBytes = 256 * 1024;
constexpr std::size_t kMaxGbnfNesting = 64;
constexpr std::uint32_t kMaxGbnfCount = 65'536;  ///< in x{m,n}

/// Reads a grammar in llama.cpp's notation: rules `name ::= …`, of which `root` is the whole text; "literals",
/// [character classes], `.`, names, (groups), `|`, `* + ? {m} {m,} {m,n}` and # comments.
/// @error kInvalidArgument with line and column
base::Result<Grammar> parse_gbnf(std::string_view source);

}  // namespace marquee::text::grammar
