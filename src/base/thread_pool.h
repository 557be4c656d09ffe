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
    run(count, call_of<std::remove_reference_t<Body>>(),
        const_cast<void*>(static_cast<const void*>(std::addressof(body))));
  }

  /// Offers body(i) for every i in [0, count) to threads that would otherwise wait for the others of a loop, until the
  /// returned object is destroyed: that does what is left and waits for what is under way. For short pieces of work
  /// whose results are needed only after the loops. Must not throw; one offer at a time; body must live as long.
  template <typename Body>
  [[nodiscard]] auto offer(std::size_t count, Body& body) {
    offered_.open(count, call_of<Body>(), const_cast<void*>(static_cast<const void*>(std::addressof(body))));
    return std::unique_ptr<ThreadPool, FinishOffered>(this);
  }

 private:
  using Invoke = void (*)(void*, std::size_t);
  template <typename Body>
  static constexpr Invoke call_of() {
    return [](void* context, std::size_t i) { (*static_cast<Body*>(context))(i); };
  }

  /// One loop, which any thread may enter while it is open.
  struct Loop {
    // kOpen while it may be entered, plus the number of threads inside. Opening publishes the description, which does
    // not change until the entry is 0 again.
    static constexpr std::uint32_t kOpen = 1U << 31U;
    std::atomic<std::uint32_t> entry{0};
    alignas(64) std::atomic<std::size_t> next{0};
    std::size_t count = 0;
    Invoke invoke = nullptr;
    void* context = nullptr;

    void open(std::size_t pieces, Invoke call, void* call_context);
    /// @return false if it is over already
    bool enter();
    void leave() { entry.fetch_sub(1, std::memory_order_release); }
    void close() { entry.fetch_and(~kOpen, std::memory_order_relaxed); }
    [[nodiscard]] bool empty() const { return entry.load(std::memory_order_acquire) == 0; }
    /// @return false if none was left
    bool take_one();
  };
  struct FinishOffered {
    void operator()(ThreadPool* pool) const { pool->finish_offered(); }
  };

  void run(std::size_t count, Invoke invoke, void* context);
  void work_loop();
  bool help_offered();
  void finish_offered();

  Loop loop_;
  Loop offered_;
  std::atomic<std::uint32_t> generation_{0};  ///< counts loops: what workers wait for
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

/// CPUs this process may run on (its affinity mask and cgroup quota), at least 1.
unsigned available_cpus();

}  // namespace marquee::base
