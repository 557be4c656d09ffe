#include "text/grammar/state_classes.h"

#include <algorithm>
#include <cstddef>

namespace marquee::text::grammar {
namespace {

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15U;
  return hash ^ (hash >> 29U);
}

std::uint64_t signature(const Automaton& automaton, StateId state, const std::vector<std::uint64_t>& last) {
  std::uint64_t hash = automaton.accepting(state) ? 0xA24BAED4963EE407U : 0x3C79AC492BA7B653U;
  for (const auto& edge : automaton.edges(state)) {
    hash = mixed(mixed(hash, (std::uint64_t{edge.low} << 8U) | edge.high), last[edge.target]);
  }
  hash = mixed(hash, 0x5851F42D4C957F2DU);
  for (const auto& call : automaton.calls(state)) {
    hash = mixed(mixed(hash, call.start), call.target == kNoState ? 1 : last[call.target]);
  }
  return hash;
}

std::vector<std::uint64_t> distinct(std::vector<std::uint64_t> hashes) {
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

}  // namespace

StateClasses find_state_classes(const Automaton& automaton, Budget& budget) {
  const std::size_t states = automaton.states();
  StateClasses result;
  if (!budget.take(states * (sizeof(std::uint64_t) * 3 + sizeof(std::uint32_t)))) return result;
  std::vector<std::uint64_t> last(states, 0);
  std::vector<std::uint64_t> next(states, 0);
  std::size_t classes_before = 0;
  for (std::uint32_t round = 0; round < kClassHorizon; ++round) {
    if (round + 1 == kClassHorizon) classes_before = distinct(last).size();
    for (StateId state = 0; state < states; ++state) {
      if (!budget.take(0)) return result;
      next[state] = signature(automaton, state, last);
    }
    std::swap(last, next);
  }
  const std::vector<std::uint64_t> names = distinct(last);
  result.exact = names.size() == classes_before;  // one more round would change nothing
  for (const std::uint64_t hash : last) {
    const auto found = std::lower_bound(names.begin(), names.end(), hash);
    result.classes.push_back(static_cast<std::uint32_t>(found - names.begin()));
  }
  return result;
}

}  // namespace marquee::text::grammar
