#include "nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "nn/named_choice.h"

namespace marquee::nn {
namespace {

constexpr std::pair<std::string_view, ScheduleKind> kSchedules[] = {
    {"constant", ScheduleKind::kConstant}, {"step", ScheduleKind::kStep},          {"linear", ScheduleKind::kLinear},
    {"cosine", ScheduleKind::kCosine},     {"one_cycle", ScheduleKind::kOneCycle}, {"plateau", ScheduleKind::kPlateau},
};

/// From `from` to `to` as half a wave, while part goes from 0 to 1.
float half_wave(float from, float to, float part) {
  return to + (from - to) * 0.5F * (1.0F + std::cos(std::numbers::pi_v<float> * part));
}

float part_of(std::int64_t step, std::int64_t begin, std::int64_t end) {
  if (end <= begin) return 1.0F;
  return std::clamp(static_cast<float>(step - begin) / static_cast<float>(end - begin), 0.0F, 1.0F);
}

}  // namespace

base::Result<ScheduleKind> schedule_of(std::string_view name) {
  return named_choice<ScheduleKind>(kSchedules, name, "schedule");
}

std::string_view to_string(ScheduleKind kind) {
  for (const auto& [name, known] : kSchedules) {
    if (known == kind) return name;
  }
  return "constant";
}

float Schedule::rate(std::int64_t step) const {
  const ScheduleSettings& s = settings_;
  const float part = part_of(step, s.warm_up_steps, s.total_steps);
  if (step < s.warm_up_steps) {
    // A cycle begins at a 25th of its peak (arXiv:1708.07120), others at what the first step of their line gives.
    if (s.kind == ScheduleKind::kOneCycle) return s.peak * half_wave(0.04F, 1.0F, part_of(step, 0, s.warm_up_steps));
    return s.peak * static_cast<float>(step + 1) / static_cast<float>(s.warm_up_steps + 1);
  }
  switch (s.kind) {
    case ScheduleKind::kConstant: return s.peak;
    case ScheduleKind::kStep:
      return s.peak *
             std::pow(s.factor, static_cast<float>((step - s.warm_up_steps) / std::max<std::int64_t>(1, s.step_size)));
    case ScheduleKind::kLinear: return s.peak * (1.0F + (s.last - 1.0F) * part);
    case ScheduleKind::kCosine:
    case ScheduleKind::kOneCycle: return s.peak * half_wave(1.0F, s.last, part);
    case ScheduleKind::kPlateau: return s.peak * state_.scale;
  }
  return s.peak;
}

void Schedule::note_validation(double loss) {
  if (state_.validations++ == 0 || loss < state_.best_loss) {
    state_.best_loss = loss;
    state_.since_best = 0;
    return;
  }
  if (++state_.since_best > settings_.patience) {
    state_.scale *= settings_.factor;
    state_.since_best = 0;
  }
}

}  // namespace marquee::nn
