#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>

#include "base/result.h"

namespace marquee::text::words {

struct TrainingProgress {
  std::uint64_t done = 0;  ///< words (Word2Vec) or co-occurrences (GloVe) of all epochs
  std::uint64_t total = 0;
  double per_second = 0.0;  ///< since this call began
  double loss = 0.0;        ///< an estimate from a sample of the latest steps
  float rate = 0.0F;        ///< the learning rate now
  int epoch = 0;            ///< from 0
};

/// What a caller wants to hear of training, and how it stops it.
struct TrainingHooks {
  /// Called on any of the pool's threads, one at a time, about every `interval`, and at the end.
  std::function<void(const TrainingProgress&)> on_progress;
  std::chrono::milliseconds interval{250};
  const std::atomic<bool>* cancel = nullptr;  ///< looked at several times a second by every thread

  [[nodiscard]] bool is_cancelled() const { return cancel != nullptr && cancel->load(std::memory_order_relaxed); }
};

/// Adds up what threads have done, and tells the caller now and then.
class ProgressReporter {
 public:
  ProgressReporter(const TrainingHooks& hooks, std::uint64_t done_before, std::uint64_t total)
      : hooks_(hooks), begin_(Clock::now()), last_(begin_), done_before_(done_before), total_(total) {}

  /// @param loss the sum over `steps` steps
  void add(std::uint64_t amount, double loss, std::uint64_t steps, float rate, int epoch) {
    const std::lock_guard lock(mutex_);
    done_ += amount;
    loss_ += loss;
    steps_ += steps;
    rate_ = rate;
    epoch_ = epoch;
    if (Clock::now() - last_ >= hooks_.interval) report();
  }
  void finish() {
    const std::lock_guard lock(mutex_);
    report();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void report() {
    last_ = Clock::now();
    if (steps_ > 0) mean_loss_ = loss_ / static_cast<double>(steps_);
    loss_ = 0.0;
    steps_ = 0;
    if (!hooks_.on_progress) return;
    const double seconds = std::chrono::duration<double>(last_ - begin_).count();
    hooks_.on_progress({done_before_ + done_, total_, seconds > 0.0 ? static_cast<double>(done_) / seconds : 0.0,
                        mean_loss_, rate_, epoch_});
  }

  const TrainingHooks& hooks_;
  std::mutex mutex_;
  Clock::time_point begin_;
  Clock::time_point last_;
  std::uint64_t done_before_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  double loss_ = 0.0;
  double mean_loss_ = 0.0;
  std::uint64_t steps_ = 0;
  float rate_ = 0.0F;
  int epoch_ = 0;
};

}  // namespace marquee::text::words
