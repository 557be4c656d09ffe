#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "train/checkpoint.h"
#include "train/trainer.h"

namespace marquee::train {

using base::Result;
namespace json = base::json;

namespace {

constexpr std::int64_t kMaxSteps = std::int64_t{1} << 40U;  // what a checkpoint's name has digits for

bool is_at_least(double value, double least) { return value >= least && std::isfinite(value); }

Result<void> check_privacy(const PrivacySettings& privacy) {
  if (!(privacy.bound > 0.0 && std::isfinite(privacy.bound))) {
    return base::invalid_argument("the bound of an example's gradient is above 0", "privacy.bound");
  }
  if (!is_at_least(privacy.noise_multiplier, 0.0)) {
    return base::invalid_argument("the noise multiplier is 0 or more", "privacy.noise_multiplier");
  }
  if (!is_at_least(privacy.target_epsilon, 0.0)) {
    return base::invalid_argument("the target epsilon is above 0, or 0 for none", "privacy.target_epsilon");
  }
  if (!(privacy.delta > 0.0 && privacy.delta < 1.0)) {
    return base::invalid_argument("delta is between 0 and 1, best below one divided by the number of examples",
                                  "privacy.delta");
  }
  return {};
}

Result<void> check_validation(const ValidationSettings& validation, bool has_validation) {
  if (validation.every_steps < 0 || validation.batch_size < 0 || validation.patience < 0) {
    return base::invalid_argument("steps, batch size and patience of validation are 0 or more", "validation");
  }
  if (!is_at_least(validation.least_gain, 0.0)) {
    return base::invalid_argument("the least gain is 0 or more", "validation.least_gain");
  }
  if (validation.patience > 0 && !has_validation) {
    return base::invalid_argument("stopping early needs data to validate on", "validation.patience");
  }
  return {};
}

/// Numbers with a fraction, in the form that is asked for.
class Numbers {
 public:
  explicit Numbers(NumberForm form) : form_(form) {}
  json::value operator()(double value) const {
    return form_ == NumberForm::kExact ? json::value(exact(value)) : json::value(value);
  }
  /// Not as the double beside it: 0.1, not 0.10000000149.
  json::value operator()(float value) const {
    if (form_ == NumberForm::kExact) return json::value(exact(value));
    char digits[32] = {};
    std::to_chars(digits, digits + sizeof(digits) - 1, value);
    return json::value(std::strtod(digits, nullptr));
  }

 private:
  NumberForm form_;
};

json::object optimiser_object(const nn::OptimiserSettings& s, const Numbers& number) {
  return {{"method", nn::to_string(s.method)},
          {"weight_decay", number(s.weight_decay)},
          {"momentum", number(s.momentum)},
          {"dampening", number(s.dampening)},
          {"nesterov", s.nesterov},
          {"beta1", number(s.beta1)},
          {"beta2", number(s.beta2)},
          {"smoothing", number(s.smoothing)},
          {"epsilon", number(s.epsilon)},
          {"l1", number(s.l1)}};
}

json::object schedule_object(const nn::ScheduleSettings& s, const Numbers& number) {
  return {{"kind", nn::to_string(s.kind)},    {"peak", number(s.peak)}, {"total_steps", s.total_steps},
          {"warm_up_steps", s.warm_up_steps}, {"last", number(s.last)}, {"step_size", s.step_size},
          {"factor", number(s.factor)},       {"patience", s.patience}};
}

}  // namespace

std::string_view to_string(TrainingEnd end) {
  switch (end) {
    case TrainingEnd::kFinished: return "finished";
    case TrainingEnd::kNoLongerBetter: return "no_longer_better";
    case TrainingEnd::kCancelled: return "cancelled";
    case TrainingEnd::kTimeLimit: return "time_limit";
  }
  return "finished";
}

Result<void> check_settings(const TrainingSettings& settings, bool has_validation) {
  if (settings.epochs < 0 || settings.max_steps < 0 || settings.max_steps > kMaxSteps) {
    return base::invalid_argument("epochs and steps are 0 or more", settings.epochs < 0 ? "epochs" : "max_steps");
  }
  if (settings.epochs == 0 && settings.max_steps == 0) {
    return base::invalid_argument("say for how many epochs or steps to train", "epochs");
  }
  if (!is_at_least(settings.clip_norm, 0.0)) return base::invalid_argument("the norm is 0 or more", "clip_norm");
  if (!(settings.average_decay >= 0.0 && settings.average_decay < 1.0)) {
    return base::invalid_argument("the average's decay is in [0, 1)", "average_decay");
  }
  if (!is_at_least(settings.schedule.peak, 0.0)) {
    return base::invalid_argument("the rate of learning is 0 or more", "schedule.peak");
  }
  if (settings.report_every_steps < 1)
    return base::invalid_argument("reports are 1 step or more apart", "report_every_steps");
  if (!is_at_least(settings.time_limit_s, 0.0)) return base::invalid_argument("the limit is 0 or more", "time_limit_s");
  if (!settings.checkpoints.folder.empty() && (settings.checkpoints.every_steps < 1 || settings.checkpoints.keep < 1)) {
    return base::invalid_argument("checkpoints are 1 step or more apart, and 1 or more are kept", "checkpoints");
  }
  MARQUEE_CHECK(check_validation(settings.validation, has_validation));
  return settings.privacy ? check_privacy(*settings.privacy) : Result<void>();
}

Result<std::int64_t> total_steps(const TrainingSettings& settings, std::int64_t steps_per_epoch) {
  std::int64_t steps = settings.max_steps > 0 ? settings.max_steps : kMaxSteps;
  if (settings.epochs > 0) {
    if (settings.epochs > kMaxSteps / steps_per_epoch && settings.max_steps == 0) {
      return base::invalid_argument("so many epochs never end", "epochs");
    }
    if (settings.epochs <= kMaxSteps / steps_per_epoch) steps = std::min(steps, settings.epochs * steps_per_epoch);
  }
  return steps;
}

json::object settings_object(const TrainingSettings& s, NumberForm form) {
  const Numbers number(form);
  json::object all = {{"seed", s.seed},
                      {"epochs", s.epochs},
                      {"max_steps", s.max_steps},
                      {"batch_size", s.batches.batch_size},
                      {"accumulation", s.batches.accumulation},
                      {"shuffle", s.batches.shuffle},
                      {"by_length", s.batches.by_length},
                      {"drop_last", s.batches.drop_last},
                      {"optimiser", optimiser_object(s.optimiser, number)},
                      {"schedule", schedule_object(s.schedule, number)},
                      {"clip_norm", number(s.clip_norm)},
                      {"average_decay", number(s.average_decay)},
                      {"validation", json::object{{"every_steps", s.validation.every_steps},
                                                  {"batch_size", s.validation.batch_size},
                                                  {"patience", s.validation.patience},
                                                  {"least_gain", number(s.validation.least_gain)},
                                                  {"monitor", s.validation.monitor},
                                                  {"higher_is_better", s.validation.higher_is_better}}}};
  if (s.privacy) {
    all["privacy"] = json::object{{"bound", number(s.privacy->bound)},
                                  {"noise_multiplier", number(s.privacy->noise_multiplier)},
                                  {"target_epsilon", number(s.privacy->target_epsilon)},
                                  {"delta", number(s.privacy->delta)},
                                  {"is_seeded", s.privacy->seed.has_value()}};
  }
  return all;
}

}  // namespace marquee::train
