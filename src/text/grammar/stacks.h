#pragma once
// Where an automaton stands after some bytes: a set of stacks, since a grammar may be read in several ways at once.
// Stacks share their lower parts.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/grammar/automaton.h"

namespace marquee::text::grammar {

using FrameId = std::uint32_t;
constexpr FrameId kBottom = 0;  ///< under the lowest frame: popping to it ends the whole text
/// Calls nested deeper than this are not followed: an answer must close what it has opened before it opens more.
constexpr std::uint32_t kMaxStackDepth = 512;
/// Ways of reading a text that are followed at once.
constexpr std::size_t kMaxHeads = 128;

/// The frames of stacks: where a call returns to, and the frame under it. Equal frames have one id.
class Frames {
 public:
  struct Frame {
    StateId target = kNoState;
    FrameId below = kBottom;
    std::uint32_t depth = 0;
    std::uint32_t next = 0;  ///< in the chain of its hash
  };
  Frames();
  FrameId intern(StateId target, FrameId below);
  [[nodiscard]] const Frame& at(FrameId id) const { return frames_[id]; }
  [[nodiscard]] std::size_t size() const { return frames_.size(); }
  /// Forgets the frames from `size` on. @pre nobody holds them
  void truncate(std::size_t size);

 private:
  [[nodiscard]] std::size_t bucket(StateId target, FrameId below) const;
  void rehash(std::size_t buckets);

  std::vector<Frame> frames_;
  std::vector<FrameId> buckets_;
};

/// The top of a stack: a state that reads a byte, above a frame.
struct Head {
  StateId state = 0;
  FrameId below = kBottom;
  bool operator==(const Head&) const = default;
  auto operator<=>(const Head&) const = default;
};

/// All stacks at one point of a text.
struct Position {
  std::vector<Head> heads;  ///< no two alike; sorted once advance() is through
  bool done = false;        ///< the text may end here
  bool overflow = false;    ///< more than kMaxHeads: some were lost, and the position must not be used

  void clear() {
    heads.clear();
    done = overflow = false;
  }
  [[nodiscard]] bool dead() const { return heads.empty() && !done; }
  bool operator==(const Position&) const = default;
};

/// Before the first byte.
void start_position(const Automaton& automaton, Frames& frames, Position& out);
/// What holds when a rule's automaton stands in `state`, above `below`: the state itself, what it calls, and what its
/// end returns to. Adds to `out`.
void add_state(const Automaton& automaton, Frames& frames, Head head, Position& out);
/// What holds when the rule above `below` has ended. Adds to `out`.
void add_return(const Automaton& automaton, Frames& frames, FrameId below, Position& out);
/// Reads one byte. `out` is another position than `from`.
void advance(const Automaton& automaton, Frames& frames, const Position& from, std::uint8_t byte, Position& out);

/// Whether an automaton accepts texts; without tokens. For tests and tools.
class Recognizer {
 public:
  explicit Recognizer(const Automaton& automaton);
  /// @return whether the whole text so far can be gone on with or ended
  bool read(std::string_view bytes);
  [[nodiscard]] bool can_end() const { return !failed_ && position_.done; }

 private:
  const Automaton& automaton_;
  Frames frames_;
  Position position_;
  Position next_;
  bool failed_ = false;
};

}  // namespace marquee::text::grammar
