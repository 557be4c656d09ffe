#pragma once

#include <cstdint>
#include <vector>

#include "text/grammar/expression.h"

namespace marquee::text::grammar {

/// What is to be known of every rule before automata are built.
struct RuleFacts {
  bool nullable = false;  ///< matches the empty text
  bool inlined = false;   ///< built into its callers instead of being called: small, and in no cycle of inlined rules
};

/// @pre every rule that is referred to is defined
std::vector<RuleFacts> rule_facts(const Grammar& grammar);

}  // namespace marquee::text::grammar
