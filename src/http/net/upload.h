#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "http/body_sink.h"
#include "http/call.h"
#include "http/routes.h"

namespace marquee::http {

/// A body on its way from a connection to the route's sink. Each step runs on a disk thread while the connection's
/// thread goes on; the connection starts the next one only when busy() is false. An error of a step is answered through
/// call->exchange, and refused() is true from then on.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  /// @param notify called, on a disk thread, when a step is over
  Upload(const Route& route, std::shared_ptr<Call> call, std::function<void()> notify);

  /// Before any of the body is read: what can be refused by then is.
  void open();
  /// @param chunk taken; what was taken the last time, empty, is given back for its memory
  void write(std::string& chunk);
  /// The body was whole: answers.
  void finish();
  /// Lets go of the sink, on a disk thread: it may have a file to remove.
  static void drop(std::shared_ptr<Upload> upload);

  [[nodiscard]] bool busy() const { return busy_; }
  [[nodiscard]] bool refused() const { return refused_; }

 private:
  void start(base::Result<void> (Upload::*step)());
  base::Result<void> open_sink();
  base::Result<void> write_chunk();
  base::Result<void> finish_sink();

  std::shared_ptr<Call> call_;  ///< destroyed last: it keeps the server from ending
  const Receive receive_;
  std::function<void()> notify_;
  std::unique_ptr<BodySink> sink_;
  std::string chunk_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> refused_{false};
};

/// The time that a streamed body has: any while it goes on, but not a byte now and then.
class UploadClock {
 public:
  using Clock = std::chrono::steady_clock;
  explicit UploadClock(std::chrono::milliseconds time) : time_(time), deadline_(Clock::now() + time) {}

  void came(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ < kProgressBytes) return;
    bytes_ = 0;
    deadline_ = Clock::now() + time_;
  }
  /// What the disk took is not the client's time.
  void excuse(Clock::duration spent) { deadline_ += spent; }
  [[nodiscard]] Clock::time_point deadline() const { return deadline_; }

 private:
  static constexpr std::size_t kProgressBytes = 4 * 1024;
  const std::chrono::milliseconds time_;
  Clock::time_point deadline_;
  std::size_t bytes_ = 0;
};

}  // namespace marquee::http
