#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <optional>
#include <vector>

namespace marquee::base {
namespace {

TEST(ThreadPool, VisitsEveryIndexOnce) {
  for (const unsigned threads : {1U, 2U, 3U, 8U}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const std::size_t count : {0U, 1U, 2U, 7U, 1000U}) {
      std::vector<std::atomic<int>> visits(count);
      pool.parallel_for(count, [&](std::size_t i) { visits[i].fetch_add(1); });
      for (const auto& visit : visits) EXPECT_EQ(visit.load(), 1);
    }
  }
}

TEST(ThreadPool, WorkersWakeAfterParking) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> sum{0};
    pool.parallel_for(100, [&](std::size_t i) { sum.fetch_add(static_cast<int>(i)); });
    EXPECT_EQ(sum.load(), 4950);
  }
}

// Workers that come late, to a loop that is over or to the next one, neither miss nor repeat an index.
TEST(ThreadPool, LateWorkersDoNoHarm) {
  ThreadPool pool(4 * available_cpus());
  std::vector<std::atomic<int>> visits(6);
  for (int round = 1; round <= 3000; ++round) {
    pool.parallel_for(visits.size(), [&](std::size_t i) { visits[i].fetch_add(1, std::memory_order_relaxed); });
    for (const auto& visit : visits) ASSERT_EQ(visit.load(), round);
  }
}

// On a shared machine a worker may get no time for many milliseconds. Here it gets only what others leave (SCHED_IDLE),
// and others leave nothing. A pool that waits for all its workers takes seconds for these loops.
TEST(ThreadPool, DoesNotWaitForWorkersThatGetNoTime) {
  std::optional<ThreadPool> pool;
  std::thread([&] {
    const sched_param none{};
    ASSERT_EQ(::sched_setscheduler(0, SCHED_IDLE, &none), 0);
    pool.emplace(2);  // its worker inherits the policy
  }).join();
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (unsigned i = 0; i < 2 * available_cpus(); ++i) {
    busy.emplace_back([&] {
      while (!stop.load(std::memory_order_relaxed)) {
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<int> total{0};
  for (int i = 0; i < 200; ++i) pool->parallel_for(2, [&](std::size_t) { total.fetch_add(1); });
  const auto taken = std::chrono::steady_clock::now() - begin;
  stop.store(true);
  for (auto& thread : busy) thread.join();
  EXPECT_EQ(total.load(), 400);
  EXPECT_LT(std::chrono::duration<double>(taken).count(), 2.0);
}

// Each piece is done once, whether a loop came by or not, and the object's end waits for it.
TEST(ThreadPool, OfferedWorkIsDoneOnce) {
  for (const unsigned threads : {1U, 2U, 4U}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 500; ++round) {
      std::vector<int> done(7, 0);  // not atomic: the sanitizer sees whether the end waits
      std::atomic<int> looped{0};
      const auto piece = [&](std::size_t i) { ++done[i]; };
      {
        const auto offer = pool.offer(done.size(), piece);
        for (int loop = 0; loop < round % 4; ++loop) pool.parallel_for(3, [&](std::size_t) { looped.fetch_add(1); });
      }
      EXPECT_EQ(looped.load(), round % 4 * 3);
      for (const int count : done) ASSERT_EQ(count, 1);
    }
  }
}

// A thread that has nothing left in a loop does not wait for the others with its hands in its lap.
TEST(ThreadPool, OfferedWorkIsDoneWhileOthersFinishALoop) {
  ThreadPool pool(2);
  std::atomic<bool> helped{false};
  const auto piece = [&](std::size_t) { helped.store(true); };
  bool seen = false;
  const auto offer = pool.offer(1, piece);
  pool.parallel_for(2, [&](std::size_t i) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (i == 0 && !seen && std::chrono::steady_clock::now() < end) seen = helped.load();
  });
  EXPECT_TRUE(seen);
}

TEST(ThreadPool, ManyShortLoops) {
  ThreadPool pool(2);
  std::atomic<std::size_t> total{0};
  for (int i = 0; i < 20000; ++i)
    pool.parallel_for(3, [&](std::size_t) { total.fetch_add(1, std::memory_order_relaxed); });
  EXPECT_EQ(total.load(), 60000U);
}

}  // namespace
}  // namespace marquee::base
