#include "serving/compute_team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace marquee::serving {
namespace {

TEST(ComputeTeam, OneTurnAtATimeAndInOrder) {
  ComputeTeam team(2);
  EXPECT_EQ(team.size(), 2U);
  std::vector<int> order;  // guarded by the turns: the sanitizers see it if they overlap
  std::vector<std::thread> threads;
  {
    auto turn = team.take_turn();
    for (int i = 0; i < 5; ++i) {
      threads.emplace_back([&, i] {
        auto own = team.take_turn();
        order.push_back(i);
      });
      // Long enough that the thread waits before the next one comes.
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_TRUE(order.empty());
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(ComputeTeam, BusyModelsAlternateStepByStep) {
  ComputeTeam team(2);
  constexpr int kSteps = 200;
  std::vector<int> order;
  std::atomic<int> ready{0};
  const auto model = [&](int name) {
    ready.fetch_add(1);
    while (ready.load() < 2) std::this_thread::yield();
    for (int step = 0; step < kSteps; ++step) {
      auto turn = team.take_turn();
      std::atomic<int> sum{0};
      team.pool().parallel_for(8, [&](std::size_t i) { sum.fetch_add(static_cast<int>(i)); });
      EXPECT_EQ(sum.load(), 28);
      std::this_thread::sleep_for(std::chrono::microseconds(200));  // the other one asks for its turn meanwhile
      order.push_back(name);
      turn.end();
      turn.end();  // twice does no harm
    }
  };
  std::thread first(model, 1);
  std::thread second(model, 2);
  first.join();
  second.join();
  ASSERT_EQ(order.size(), 2U * kSteps);
  int repeated = 0;
  for (std::size_t i = 1; i < order.size(); ++i) repeated += order[i] == order[i - 1] ? 1 : 0;
  EXPECT_LT(repeated, kSteps / 4) << "a model that computes without pause must not shut out the other";
}

}  // namespace
}  // namespace marquee::serving
