#pragma once

#include <cstdint>
#include <vector>

#include "text/grammar/automaton.h"

namespace marquee::text::grammar {

struct StateClasses {
  std::vector<std::uint32_t> classes;  ///< @shape [states]
  bool exact = false;                  ///< see Automaton::classes_exact
};

/// Refines the classes of states kClassHorizon times by what each byte and call leads to: what a bounded repetition
/// writes out a thousand times falls into few classes. States are told apart by 64-bit hashes.
/// @source Moore: Gedanken-experiments on sequential machines (1956)
StateClasses find_state_classes(const Automaton& automaton, Budget& budget);

}  // namespace marquee::text::grammar
