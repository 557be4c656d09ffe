#include "serving/compute_team.h"

namespace marquee::serving {

ComputeTeam::Turn ComputeTeam::take_turn() {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  turn_changed_.wait(lock, [&] { return serving_ticket_ == ticket; });
  return Turn(*this);
}

void ComputeTeam::end_turn() {
  bool others_wait = false;
  {
    const std::lock_guard lock(mutex_);
    ++serving_ticket_;
    others_wait = next_ticket_ != serving_ticket_;
  }
  if (others_wait) turn_changed_.notify_all();
}

void ComputeTeam::Turn::end() {
  if (team_ != nullptr) team_->end_turn();
  team_ = nullptr;
}

}  // namespace marquee::serving
