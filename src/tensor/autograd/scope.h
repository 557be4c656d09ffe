#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "tensor/autograd/random.h"

namespace marquee::tensor::autograd {

/// What operations on this thread compute with, while it lives: a team of threads, and random numbers. Scopes nest; the
/// innermost counts.
class ComputeScope {
 public:
  ComputeScope(base::ThreadPool& team, std::uint64_t seed);
  ~ComputeScope();
  ComputeScope(const ComputeScope&) = delete;
  ComputeScope& operator=(const ComputeScope&) = delete;

  /// The scope of this thread. @throws std::logic_error if there is none
  static ComputeScope& current();

  [[nodiscard]] base::ThreadPool& team() const { return team_; }
  Random random;

 private:
  base::ThreadPool& team_;
  ComputeScope* outer_;
};

/// While it lives, operations on this thread are recorded for a backward pass, or are not and keep nothing. On at
/// first.
class Recording {
 public:
  explicit Recording(bool on);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  static bool is_on();

 private:
  bool before_;
};

/// How many parts [0, count) is worth sharing out in: twice as many as threads, so that one which the kernel gives
/// little time leaves some of its share to the others. @param grain least indices of a part
std::size_t parts_of(std::size_t count, std::size_t grain);

/// Calls body(part, begin, end) for each of `parts` parts of [0, count), by the team if there is more than one.
template <typename Body>
void parallel_parts(std::size_t count, std::size_t parts, Body&& body) {
  if (count == 0) return;
  if (parts <= 1) return body(std::size_t{0}, std::size_t{0}, count);
  ComputeScope::current().team().parallel_for(
      parts, [&](std::size_t part) { body(part, count * part / parts, count * (part + 1) / parts); });
}

/// Calls body(begin, end) for parts of [0, count), by the team if the work is worth its hand-off.
template <typename Body>
void parallel_ranges(std::size_t count, std::size_t grain, Body&& body) {
  parallel_parts(count, parts_of(count, grain),
                 [&](std::size_t, std::size_t begin, std::size_t end) { body(begin, end); });
}

/// The grain of rows of so many elements.
std::size_t row_grain(std::size_t elements);

/// Elements of simple work (an addition each) that are worth a hand-off to the team.
constexpr std::size_t kElementGrain = 16384;

}  // namespace marquee::tensor::autograd
