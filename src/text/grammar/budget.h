#pragma once

#include <time.h>

#include <chrono>
#include <cstddef>
#include <string>

#include "base/result.h"

namespace marquee::text::grammar {

/// What compiling one grammar may cost. Time is the thread's own computing time, so that a busy machine refuses
/// nothing; the clock is looked at now and then, so a little more may pass.
struct Limits {
  std::chrono::milliseconds time{100};
  std::size_t bytes = std::size_t{16} << 20U;
};

/// What is left of the limits. Once spent it stays spent.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits), end_(thread_time() + limits.time), left_(limits.bytes) {}

  /// Takes `bytes` of memory and one step of work. @return false if the budget is spent
  bool take(std::size_t bytes) {
    if (bytes > left_) out_of_memory_ = true;
    if (out_of_memory_ || out_of_time_) return false;
    left_ -= bytes;
    if (++steps_ % kStepsBetweenLooks == 0) out_of_time_ = thread_time() > end_;
    return !out_of_time_;
  }
  [[nodiscard]] bool spent() const { return out_of_memory_ || out_of_time_; }
  /// @pre spent()
  [[nodiscard]] base::Error error() const {
    const std::string bound = out_of_memory_ ? std::to_string(limits_.bytes >> 20U) + " MiB of memory"
                                             : std::to_string(limits_.time.count()) + " ms of computing";
    return base::invalid_argument("it needs more than " + bound +
                                  " to compile: use smaller counts, fewer alternatives or fewer rules");
  }

 private:
  static constexpr std::size_t kStepsBetweenLooks = 256;
  static std::chrono::nanoseconds thread_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }

  Limits limits_;
  std::chrono::nanoseconds end_;
  std::size_t left_;
  std::size_t steps_ = 0;
  bool out_of_memory_ = false;
  bool out_of_time_ = false;
};

}  // namespace marquee::text::grammar
