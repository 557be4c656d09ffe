#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace marquee::apps {

/// Blocks SIGTERM, SIGINT and SIGHUP in this thread and in those that it starts from now on, for a SignalWaiter to
/// take.
void block_leaving_signals();

/// Waits for SIGTERM, SIGINT and SIGHUP on a thread of its own and calls back, so that what is called may do anything.
/// block_leaving_signals() first, before any other thread starts.
class SignalWaiter {
 public:
  /// @param on_signal is called with 1 for the first signal, 2 for the second, …
  explicit SignalWaiter(std::function<void(int count)> on_signal);
  ~SignalWaiter();
  SignalWaiter(const SignalWaiter&) = delete;
  SignalWaiter& operator=(const SignalWaiter&) = delete;

 private:
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// While one exists, Ctrl-C sets a flag instead of ending the program.
class InterruptFlag {
 public:
  InterruptFlag();
  ~InterruptFlag();
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;

  [[nodiscard]] static const std::atomic<bool>& raised();
  static void clear();
  /// As Ctrl-C does.
  static void raise();
};

}  // namespace marquee::apps
