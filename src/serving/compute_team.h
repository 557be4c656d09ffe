#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/thread_pool.h"

namespace marquee::serving {

/// The one team of compute threads that all loaded models share. Each model's scheduler takes a turn for one step, so
/// that several busy models alternate step by step instead of asking for more threads than there are cores.
/// Turns are given in the order they were asked for: no model waits for more than one step of each other one.
class ComputeTeam {
 public:
  /// @param threads 0: one per available CPU
  explicit ComputeTeam(unsigned threads) : pool_(threads) {}

  /// The right to use pool() until destroyed.
  class Turn {
   public:
    explicit Turn(ComputeTeam& team) : team_(&team) {}
    Turn(Turn&& other) noexcept : team_(other.team_) { other.team_ = nullptr; }
    Turn& operator=(Turn&&) = delete;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { end(); }
    /// Ends the turn before the object is destroyed.
    void end();

   private:
    ComputeTeam* team_;
  };

  /// Blocks until it is the caller's turn.
  [[nodiscard]] Turn take_turn();
  [[nodiscard]] unsigned size() const { return pool_.size(); }
  /// Only within a turn.
  [[nodiscard]] base::ThreadPool& pool() { return pool_; }

 private:
  void end_turn();

  base::ThreadPool pool_;
  std::mutex mutex_;
  std::condition_variable turn_changed_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t serving_ticket_ = 0;
};

}  // namespace marquee::serving
