#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "nn/optimiser.h"
#include "nn/schedule.h"
#include "train/batch_order.h"
#include "train/dataset.h"
#include "train/learner.h"

namespace marquee::train {

/// Differentially private SGD: see PrivateGradients and PrivacyAccountant. Networks whose layers mix examples (batch
/// norm) are refused.
struct PrivacySettings {
  double bound = 1.0;             ///< of the norm of each example's gradient; above 0
  double noise_multiplier = 1.0;  ///< unless target_epsilon asks for what it takes
  double target_epsilon = 0.0;    ///< after all steps; 0: none
  double delta = 0.0;             ///< above 0; best below one divided by the number of examples
  /// Repeats noise and choices, which then protect from nobody who knows it. Without one, a training that is gone on
  /// with draws others than it would have.
  std::optional<std::uint64_t> seed = {};
};

struct ValidationSettings {
  std::int64_t every_steps = 0;  ///< 0: after each epoch
  std::int64_t batch_size = 0;   ///< 0: as in training
  std::int64_t patience = 0;     ///< stop after so many validations without a better one; 0: never
  double least_gain = 0.0;       ///< by which a metric must be better to count
  std::string monitor = "loss";  ///< the metric that says what is better
  bool higher_is_better = false;
};

struct CheckpointSettings {
  std::filesystem::path folder = {};  ///< empty: none are written
  std::int64_t every_steps = 500;
  std::int64_t keep = 3;
};

struct TrainingSettings {
  std::uint64_t seed = 0;
  std::int64_t epochs = 1;     ///< 0: steps alone count
  std::int64_t max_steps = 0;  ///< 0: epochs alone count; else the first to be reached ends it
  BatchSettings batches = {};
  nn::OptimiserSettings optimiser = {};
  nn::ScheduleSettings schedule = {};  ///< total_steps 0: those of the training
  double clip_norm = 0.0;              ///< of a step's gradient; 0: not clipped
  double average_decay = 0.0;          ///< of a moving average that is validated and kept in place of values; 0: none
  ValidationSettings validation = {};
  CheckpointSettings checkpoints = {};
  std::optional<PrivacySettings> privacy = {};
  std::int64_t report_every_steps = 10;
  double time_limit_s = 0.0;  ///< of the training with what came before a break; 0: none
};

/// Where a training is: after every report_every_steps, every validation, and the last step.
struct Report {
  std::int64_t step = 0;  ///< done
  std::int64_t total_steps = 0;
  double epoch = 0.0;  ///< done, with its part
  double loss = 0.0;   ///< mean since the last report
  double rate = 0.0;
  double gradient_norm = 0.0;  ///< before clipping; 0 if nothing is clipped
  double examples_per_s = 0.0;
  double elapsed_s = 0.0;
  double eta_s = 0.0;
  std::optional<double> epsilon = {};  ///< spent so far, with privacy
  Metrics validation = {};             ///< of a validation after this step; else empty
  bool is_best = false;                ///< of that validation
};

/// All are called on the training's thread.
struct TrainingHooks {
  std::function<void(const Report&)> report = {};
  std::function<void(const std::string&)> warn = {};  ///< what went wrong without ending it
  const std::atomic<bool>* cancel = nullptr;          ///< looked at before every step
};

enum class TrainingEnd : std::uint8_t { kFinished, kNoLongerBetter, kCancelled, kTimeLimit };
std::string_view to_string(TrainingEnd end);

struct TrainingOutcome {
  TrainingEnd end = TrainingEnd::kFinished;
  std::int64_t steps = 0;
  std::int64_t resumed_from = 0;  ///< the step it went on from
  double epochs = 0.0;
  double elapsed_s = 0.0;
  double last_loss = 0.0;  ///< of the last step
  Metrics last_validation = {};
  std::int64_t best_step = 0;  ///< 0: nothing was validated
  Metrics best_validation = {};
  std::optional<double> epsilon = {};
  double noise_multiplier = 0.0;  ///< with privacy
  std::vector<std::string> warnings = {};
};

struct TrainingData {
  const Dataset& training;
  const Dataset* validation = nullptr;
};

/// Trains. Goes on from the last checkpoint if settings.checkpoints.folder has one: then parameters come out bit for
/// bit as if there had been no break, given the same team size, machine and settings. However it ends, the learner then
/// has the best parameters that validation saw; the last ones if it saw none; their moving average if there is one. The
/// last step leaves a checkpoint, so that a training that was cancelled can go on. One that cannot be written is warned
/// of, and the training goes on.
/// @error kInvalidArgument naming the setting (`field`), or saying at which step the loss was no longer a number;
///        kFailedPrecondition for checkpoints of another training; kIo; kInternal for a network that does not fit
base::Result<TrainingOutcome> train(Learner& learner, const TrainingData& data, const TrainingSettings& settings,
                                    base::ThreadPool& team, const TrainingHooks& hooks = {});

/// Of all steps that settings ask for. @error kInvalidArgument naming the setting
base::Result<std::int64_t> total_steps(const TrainingSettings& settings, std::int64_t steps_per_epoch);
/// @error kInvalidArgument naming the setting
base::Result<void> check_settings(const TrainingSettings& settings, bool has_validation);
enum class NumberForm : std::uint8_t { kPlain, kExact };
/// Those settings that the outcome depends on: for model cards, and exact for what checkpoints compare.
base::json::object settings_object(const TrainingSettings& settings, NumberForm form);

}  // namespace marquee::train
