#include "text/grammar/stacks.h"

#include <algorithm>
#include <utility>

namespace marquee::text::grammar {
namespace {

constexpr std::size_t kFirstBuckets = 64;

void push_calls(const Automaton& automaton, Frames& frames, Head head, Position& out);

/// @return false if it was there
bool add_head(const Automaton& automaton, Head head, Position& out) {
  if (automaton.edges(head.state).empty() && automaton.calls(head.state).empty()) return true;
  if (std::find(out.heads.begin(), out.heads.end(), head) != out.heads.end()) return false;
  if (out.heads.size() >= kMaxHeads) {
    out.overflow = true;
    return false;
  }
  out.heads.push_back(head);
  return true;
}

// Ends, because no rule can begin with itself.
void push_calls(const Automaton& automaton, Frames& frames, Head head, Position& out) {
  for (const Automaton::Call& call : automaton.calls(head.state)) {
    FrameId below = head.below;
    if (call.target != kNoState) {
      if (frames.at(below).depth >= kMaxStackDepth) continue;
      below = frames.intern(call.target, below);
    }
    const Head called{call.start, below};
    if (add_head(automaton, called, out)) push_calls(automaton, frames, called, out);
  }
}

}  // namespace

Frames::Frames() : frames_(1), buckets_(kFirstBuckets, kBottom) {}

std::size_t Frames::bucket(StateId target, FrameId below) const {
  const std::uint64_t key = (std::uint64_t{target} << 32U) | below;
  return ((key * 0x9E3779B97F4A7C15U) >> 32U) & (buckets_.size() - 1);
}

FrameId Frames::intern(StateId target, FrameId below) {
  for (FrameId id = buckets_[bucket(target, below)]; id != kBottom; id = frames_[id].next) {
    if (frames_[id].target == target && frames_[id].below == below) return id;
  }
  if (frames_.size() >= buckets_.size()) rehash(buckets_.size() * 2);
  const auto id = static_cast<FrameId>(frames_.size());
  const std::size_t at = bucket(target, below);
  frames_.push_back({target, below, frames_[below].depth + 1, buckets_[at]});
  buckets_[at] = id;
  return id;
}

// Later frames stand before earlier ones in each chain.
void Frames::truncate(std::size_t size) {
  while (frames_.size() > size) {
    const Frame& last = frames_.back();
    buckets_[bucket(last.target, last.below)] = last.next;
    frames_.pop_back();
  }
}

void Frames::rehash(std::size_t buckets) {
  buckets_.assign(buckets, kBottom);
  for (FrameId id = 1; id < frames_.size(); ++id) {
    const std::size_t at = bucket(frames_[id].target, frames_[id].below);
    frames_[id].next = std::exchange(buckets_[at], id);
  }
}

void add_state(const Automaton& automaton, Frames& frames, Head head, Position& out) {
  if (!add_head(automaton, head, out)) return;
  push_calls(automaton, frames, head, out);
  if (automaton.accepting(head.state)) add_return(automaton, frames, head.below, out);
}

void add_return(const Automaton& automaton, Frames& frames, FrameId below, Position& out) {
  if (below == kBottom) {
    out.done = true;
    return;
  }
  const Frames::Frame frame = frames.at(below);
  add_state(automaton, frames, {frame.target, frame.below}, out);
}

void start_position(const Automaton& automaton, Frames& frames, Position& out) {
  out.clear();
  add_state(automaton, frames, {automaton.start(), kBottom}, out);
  std::sort(out.heads.begin(), out.heads.end());
}

void advance(const Automaton& automaton, Frames& frames, const Position& from, std::uint8_t byte, Position& out) {
  out.clear();
  for (const Head& head : from.heads) {
    const StateId next = automaton.step(head.state, byte);
    if (next != kNoState) add_state(automaton, frames, {next, head.below}, out);
  }
  if (from.overflow) out.overflow = true;
  if (out.heads.size() > 1) std::sort(out.heads.begin(), out.heads.end());
}

Recognizer::Recognizer(const Automaton& automaton) : automaton_(automaton) {
  start_position(automaton_, frames_, position_);
}

bool Recognizer::read(std::string_view bytes) {
  for (const char c : bytes) {
    if (failed_) return false;
    advance(automaton_, frames_, position_, static_cast<std::uint8_t>(c), next_);
    std::swap(position_, next_);
    failed_ = position_.overflow || position_.dead();
  }
  return !failed_;
}

}  // namespace marquee::text::grammar
