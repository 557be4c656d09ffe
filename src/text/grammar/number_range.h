#pragma once

#include <optional>

#include "base/result.h"
#include "text/grammar/expression.h"

namespace marquee::text::grammar {

struct NumberBounds {
  std::optional<double> low;
  std::optional<double> high;
  bool above_low = false;   ///< low itself is out
  bool below_high = false;  ///< high itself is out
  [[nodiscard]] bool any() const { return low || high; }
};

/// The integers within bounds, written without exponent, of at most 18 digits where a side is open.
/// @error kInvalidArgument if a bound lies beyond ±1e18
base::Result<ExprId> integers_within(Grammar& grammar, const NumberBounds& bounds);

/// The numbers within bounds, written without exponent.
/// @error kInvalidArgument if a bound lies beyond ±1e15 or has more than 15 digits behind the point
base::Result<ExprId> numbers_within(Grammar& grammar, const NumberBounds& bounds);

}  // namespace marquee::text::grammar
