#include "serving/deficit_round_robin.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace marquee::serving {
namespace {

using Account = DeficitRoundRobin::Account;

constexpr auto kEveryone = [](const Account&) { return true; };

TEST(DeficitRoundRobin, SharesTokensNotTurns) {
  DeficitRoundRobin robin(64);
  std::array<Account, 3> accounts;
  for (auto& account : accounts) robin.add(account);
  const std::array<std::int64_t, 3> cost = {500, 20, 1};  // of one turn of each
  std::array<std::int64_t, 3> taken{};
  for (int i = 0; i < 20'000; ++i) {
    auto* const account = robin.pick(kEveryone);
    ASSERT_NE(account, nullptr);
    EXPECT_GT(account->credit(), 0);
    const auto index = static_cast<std::size_t>(account - accounts.data());
    account->charge(cost[index]);
    taken[index] += cost[index];
  }
  // Nobody is ever further ahead than by one turn's cost and one quantum.
  EXPECT_LE(std::abs(taken[0] - taken[1]), 500 + 64);
  EXPECT_LE(std::abs(taken[1] - taken[2]), 500 + 64);
}

TEST(DeficitRoundRobin, GivesTheTurnToWhoWantsIt) {
  DeficitRoundRobin robin(10);
  std::array<Account, 3> accounts;
  for (auto& account : accounts) robin.add(account);
  EXPECT_EQ(robin.pick([](const Account&) { return false; }), nullptr);
  for (int i = 0; i < 100; ++i) {
    auto* const account = robin.pick([&](const Account& candidate) { return &candidate == &accounts[1]; });
    ASSERT_EQ(account, &accounts[1]);
    account->charge(7);
  }
}

TEST(DeficitRoundRobin, IdlingSavesNothingUpButDebtsStay) {
  DeficitRoundRobin robin(10);
  std::array<Account, 2> accounts;
  for (auto& account : accounts) robin.add(account);
  const auto only = [&](std::size_t index) {
    return [&accounts, index](const Account& candidate) { return &candidate == &accounts[index]; };
  };
  for (int i = 0; i < 1000; ++i) robin.pick(only(0))->charge(10);
  // The second was idle: its first turns with credit are a quantum's worth, not a thousand quanta's.
  std::int64_t run = 0;
  while (robin.pick(kEveryone) == &accounts[1]) {
    accounts[1].charge(1);
    ASSERT_LE(++run, 30);
  }
  // A debt of twenty quanta is paid off before the next turn.
  accounts[0].charge(200);
  std::int64_t others = 0;
  while (robin.pick(kEveryone) == &accounts[1]) {
    accounts[1].charge(1);
    ASSERT_LE(++others, 300);
  }
  EXPECT_GE(others, 190);
}

TEST(DeficitRoundRobin, AccountsComeAndGo) {
  DeficitRoundRobin robin(10);
  std::array<Account, 4> accounts;
  for (auto& account : accounts) robin.add(account);
  for (std::size_t left = accounts.size(); left-- > 0;) {
    for (int i = 0; i < 50; ++i) {
      auto* const account = robin.pick(kEveryone);
      ASSERT_NE(account, nullptr);
      ASSERT_LE(account, &accounts[left]);
      account->charge(3);
    }
    robin.remove(accounts[left]);
    robin.remove(accounts[left]);  // twice does no harm
  }
  EXPECT_EQ(robin.pick(kEveryone), nullptr);
}

}  // namespace
}  // namespace marquee::serving
