#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace marquee::http {

/// A few threads that take tasks in order, so that nothing slow runs where connections are served. The queue needs no
/// bound of its own: each connection has at most one request in it.
class WorkerPool {
 public:
  explicit WorkerPool(unsigned threads);
  /// Finishes what was posted.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// The task must not throw.
  void post(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace marquee::http
