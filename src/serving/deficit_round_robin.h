#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace marquee::serving {

/// Shares tokens evenly between those who want some (deficit round robin), where what a turn costs may only be known
/// after it was taken. Everyone's account is refilled by a quantum when nobody who wants a turn has credit left; who
/// wants none keeps debts but not credit, so idling saves nothing up.
/// @source Shreedhar, Varghese: Efficient fair queueing using deficit round robin (SIGCOMM 1995)
class DeficitRoundRobin {
 public:
  class Account {
   public:
    /// Tokens that may be taken before the turn passes on; above 0 for who was picked.
    [[nodiscard]] std::int64_t credit() const { return credit_; }
    void charge(std::int64_t tokens) { credit_ -= tokens; }

   private:
    friend class DeficitRoundRobin;
    std::int64_t credit_ = 0;
  };

  explicit DeficitRoundRobin(std::int64_t quantum_tokens) : quantum_(quantum_tokens) {}

  /// The account must stay where it is until remove().
  void add(Account& account) { ring_.push_back(&account); }
  void remove(Account& account) {
    const auto found = std::find(ring_.begin(), ring_.end(), &account);
    if (found == ring_.end()) return;
    const auto index = static_cast<std::size_t>(found - ring_.begin());
    ring_.erase(found);
    if (index < position_) --position_;
    if (position_ >= ring_.size()) position_ = 0;
  }

  /// Whose turn it is among the accounts for which wants(account) holds; null if there is none. The same one again
  /// until it has no credit or wants no more.
  template <typename Wants>
  Account* pick(const Wants& wants) {
    std::int64_t most_credit = std::numeric_limits<std::int64_t>::min();
    wanting_.assign(ring_.size(), false);
    for (std::size_t i = 0; i < ring_.size(); ++i) {
      wanting_[i] = wants(*ring_[i]);
      if (wanting_[i]) {
        most_credit = std::max(most_credit, ring_[i]->credit_);
      } else {
        ring_[i]->credit_ = std::min<std::int64_t>(ring_[i]->credit_, 0);
      }
    }
    if (most_credit == std::numeric_limits<std::int64_t>::min()) return nullptr;
    if (most_credit <= 0) refill(-most_credit / quantum_ + 1);
    while (!wanting_[position_] || ring_[position_]->credit_ <= 0) position_ = (position_ + 1) % ring_.size();
    return ring_[position_];
  }

 private:
  void refill(std::int64_t rounds) {
    for (std::size_t i = 0; i < ring_.size(); ++i) {
      if (wanting_[i]) ring_[i]->credit_ += rounds * quantum_;
    }
    position_ = (position_ + 1) % ring_.size();  // a new round does not begin with who ended the last one
  }

  std::int64_t quantum_;
  std::vector<Account*> ring_;
  std::vector<bool> wanting_;  ///< scratch
  std::size_t position_ = 0;
};

}  // namespace marquee::serving
