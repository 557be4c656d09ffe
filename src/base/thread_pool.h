#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace marquee::base {

/// A fixed team of threads for data-parallel loops. The caller works too, so ThreadPool(n) starts n - 1 threads.
/// Workers spin briefly for the next loop, then park in the kernel. A loop waits only for workers that take part in it:
/// one that the kernel gives no time (the machine is shared) comes too late and costs nothing. One loop at a time:
/// parallel_for may be called from one thread at a time and must not be nested.
class ThreadPool {
 public:
  /// @param threads how many work together, the caller included; at least 1. 0 means one per available CPU.
  explicit ThreadPool(unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(workers_.size()) + 1; }

  /// Calls body(i) once for every i in [0, count), spread over the team; returns when all are done. Must not throw.
  template <typename Body>
  void parallel_for(std::size_t count, Body&& body) {
    if (workers_.empty() || count <= 1) {
      for (std::size_t i = 0; i < count; ++i) body(i);
      return;
    }
    run(
        count, [](void* context, std::size_t i) { (*static_cast<std::remove_reference_t<Body>*>(context))(i); },
        const_cast<void*>(static_cast<const void*>(std::addressof(body))));
  }

 private:
  using Invoke = void (*)(void*, std::size_t);
  void run(std::size_t count, Invoke invoke, void* context);
  void work_loop();
  void take_tasks(std::size_t count, Invoke invoke, void* context);

  bool enter();
  void leave_when_all_have();

  // kOpen while a loop may be entered, plus the number of workers inside. Opening publishes the loop's description,
  // which does not change until the entry is 0 again.
  static constexpr std::uint32_t kOpen = 1U << 31U;
  std::atomic<std::uint32_t> entry_{0};
  std::atomic<std::uint32_t> generation_{0};  ///< counts loops: what workers wait for
  alignas(64) std::atomic<std::size_t> next_task_{0};
  std::size_t count_ = 0;
  Invoke invoke_ = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

/// CPUs this process may run on (its affinity mask and cgroup quota), at least 1.
unsigned available_cpus();

}  // namespace marquee::base
