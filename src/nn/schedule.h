#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace marquee::nn {

enum class ScheduleKind : std::uint8_t { kConstant, kStep, kLinear, kCosine, kOneCycle, kPlateau };

/// "constant", "cosine", … @error kInvalidArgument for another name, with those there are
base::Result<ScheduleKind> schedule_of(std::string_view name);
std::string_view to_string(ScheduleKind kind);

struct ScheduleSettings {
  ScheduleKind kind = ScheduleKind::kConstant;
  float peak = 1e-3F;              ///< the rate after warm-up
  std::int64_t total_steps = 0;    ///< kLinear, kCosine and kOneCycle end here
  std::int64_t warm_up_steps = 0;  ///< from 0 to the peak in a straight line; of kOneCycle its rising part
  float last = 0.0F;               ///< as a part of the peak, where kLinear, kCosine and kOneCycle end
  std::int64_t step_size = 1;      ///< kStep: after every so many steps the rate is multiplied by `factor`
  float factor = 0.1F;             ///< kStep, kPlateau
  std::int64_t patience = 3;       ///< kPlateau: validations without a better loss before the rate falls
};

/// The rate of learning over the steps of a training.
class Schedule {
 public:
  explicit Schedule(const ScheduleSettings& settings) : settings_(settings) {}

  /// @param step from 0
  [[nodiscard]] float rate(std::int64_t step) const;
  /// A validation's loss; only kPlateau heeds it.
  void note_validation(double loss);

  /// What rate() depends on besides the step.
  struct State {
    double best_loss = 0.0;
    std::int64_t validations = 0;  ///< noted
    std::int64_t since_best = 0;
    float scale = 1.0F;
  };
  [[nodiscard]] const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  ScheduleSettings settings_;
  State state_;
};

}  // namespace marquee::nn
