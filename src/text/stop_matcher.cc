#include "text/stop_matcher.h"

#include <deque>
#include <utility>

namespace marquee::text {

StopMatcher::StopMatcher(std::span<const std::string> stops)
    : automaton_(std::make_shared<const Automaton>(build(stops))) {
  for (const std::string& stop : stops) lengths_.push_back(stop.size());
}

/// The child along `byte`, or 0 (the root, which is nobody's child).
std::uint32_t StopMatcher::child(const Node& node, unsigned char byte) {
  for (const auto& [label, next] : node.children) {
    if (label == byte) return next;
  }
  return 0;
}

StopMatcher::Automaton StopMatcher::build(std::span<const std::string> stops) {
  Automaton nodes(1);
  for (std::size_t index = 0; index < stops.size(); ++index) {
    if (stops[index].empty()) continue;
    std::uint32_t at = 0;
    for (const char c : stops[index]) {
      const auto byte = static_cast<unsigned char>(c);
      std::uint32_t next = child(nodes[at], byte);
      if (next == 0) {
        next = static_cast<std::uint32_t>(nodes.size());
        nodes[at].children.emplace_back(byte, next);
        const std::uint32_t depth = nodes[at].depth + 1;
        nodes.emplace_back().depth = depth;
      }
      at = next;
    }
    if (!nodes[at].match) nodes[at].match = static_cast<std::uint32_t>(index);
  }
  std::deque<std::uint32_t> queue{0};  // breadth first, so that shorter nodes' fallbacks are known
  while (!queue.empty()) {
    const std::uint32_t at = queue.front();
    queue.pop_front();
    for (const auto& [byte, next] : nodes[at].children) {
      queue.push_back(next);
      if (at == 0) continue;
      std::uint32_t shorter = nodes[at].fallback;
      while (shorter != 0 && child(nodes[shorter], byte) == 0) shorter = nodes[shorter].fallback;
      nodes[next].fallback = child(nodes[shorter], byte);
      if (!nodes[next].match) nodes[next].match = nodes[nodes[next].fallback].match;
    }
  }
  return nodes;
}

StopMatcher::Output StopMatcher::push(std::string_view piece) {
  if (stopped_) return {};
  const Automaton& nodes = *automaton_;
  held_.append(piece);
  const std::size_t start = held_.size() - piece.size();
  for (std::size_t i = 0; i < piece.size(); ++i) {
    const auto byte = static_cast<unsigned char>(piece[i]);
    std::uint32_t next = child(nodes[state_], byte);
    while (next == 0 && state_ != 0) {
      state_ = nodes[state_].fallback;
      next = child(nodes[state_], byte);
    }
    state_ = next;
    if (nodes[state_].match) {
      const std::size_t index = *nodes[state_].match;
      held_.resize(start + i + 1 - lengths_[index]);
      stopped_ = true;
      return {std::exchange(held_, {}), index};
    }
  }
  std::size_t safe = held_.size() - nodes[state_].depth;
  const auto continues = [&](std::size_t at) {  // a stop string that is not UTF-8 must not cut a character
    return at < held_.size() && (static_cast<unsigned char>(held_[at]) & 0xC0U) == 0x80U;
  };
  while (safe > 0 && continues(safe)) --safe;
  Output output{held_.substr(0, safe), {}};
  held_.erase(0, safe);
  return output;
}

std::string StopMatcher::finish() {
  if (stopped_) return {};
  state_ = 0;
  return std::exchange(held_, {});
}

}  // namespace marquee::text
