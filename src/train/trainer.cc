#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <utility>

#include "base/sha256.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/scope.h"
#include "train/batch_loader.h"
#include "train/checkpoint.h"
#include "train/privacy_accountant.h"
#include "train/private_gradients.h"
#include "train/training_state.h"

namespace marquee::train {

using base::Error;
using base::ErrorCode;
using base::Result;
using tensor::autograd::ComputeScope;
using tensor::autograd::Recording;

namespace {

// Of the random numbers that operations draw: beside those that parameters began with and those that order examples.
constexpr std::uint64_t kOperationStreams = std::uint64_t{1} << 59U;

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string hash_of(const base::json::object& object) { return base::sha256_hex(base::json::serialize(object)); }

/// What differential privacy adds to a training.
struct Privacy {
  PrivacySettings settings;
  SecretRandom random;
  double noise_multiplier = 0.0;
  double expected_examples = 0.0;
  PrivacyAccountant of_one_step;
};

class TrainingRun {
 public:
  TrainingRun(Learner& learner, const TrainingData& data, const TrainingSettings& settings, const TrainingHooks& hooks)
      : learner_(learner),
        store_(learner.parameters()),
        data_(data),
        settings_(settings),
        hooks_(hooks),
        schedule_(settings.schedule) {}

  Result<TrainingOutcome> run(base::ThreadPool& team);

 private:
  Result<BatchOrder> prepare();
  Result<BatchOrder> prepare_privacy();
  Result<void> resume();
  Result<void> restore(const SavedCheckpoint& saved);
  Result<void> step(const std::vector<Batch>& batches);
  Result<void> add_gradients(const std::vector<Batch>& batches);
  Result<void> add_private_gradients(const std::vector<Batch>& batches);
  Result<double> loss_of(const Batch& batch, double share);
  Result<void> after_step();
  [[nodiscard]] bool is_validation_due() const;
  Result<Metrics> evaluate();
  Result<void> validate(Report& report);
  void keep_best();
  Result<void> report(Report report);
  void write_checkpoint();
  [[nodiscard]] bool has_ended();
  void warn(const std::string& message);
  Result<TrainingOutcome> finish();
  [[nodiscard]] double elapsed_s() const { return elapsed_before_s_ + seconds_since(begin_); }
  [[nodiscard]] std::vector<nn::Parameter> model() const;

  Learner& learner_;
  nn::ParameterStore& store_;
  TrainingData data_;
  TrainingSettings settings_;
  const TrainingHooks& hooks_;
  nn::Schedule schedule_;
  std::optional<nn::Optimiser> optimiser_;
  std::optional<nn::MovingAverage> average_;
  std::optional<Privacy> privacy_;
  std::optional<PrivateGradients> private_gradients_;
  std::optional<CheckpointFolder> checkpoints_;
  std::vector<nn::Parameter> best_;  ///< copies, named "best." and so on; empty before the first validation
  TrainingState state_;
  TrainingOutcome outcome_;
  std::int64_t steps_per_epoch_ = 1;
  std::int64_t total_steps_ = 0;
  std::int64_t last_checkpoint_ = -1;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double elapsed_before_s_ = 0.0;
  // Since the last report:
  std::chrono::steady_clock::time_point reported_ = begin_;
  std::int64_t reported_examples_ = 0;
  std::int64_t reported_steps_ = 0;
  double reported_loss_ = 0.0;
  double gradient_norm_ = 0.0;
  double rate_ = 0.0;
};

std::vector<nn::Parameter> TrainingRun::model() const {
  std::vector<nn::Parameter> all(store_.parameters().begin(), store_.parameters().end());
  all.insert(all.end(), store_.buffers().begin(), store_.buffers().end());
  return all;
}

void TrainingRun::warn(const std::string& message) {
  outcome_.warnings.push_back(message);
  if (hooks_.warn) hooks_.warn(message);
}

Result<BatchOrder> TrainingRun::prepare_privacy() {
  if (!store_.buffers().empty()) {
    return base::invalid_argument(
        "a network with batch norm mixes examples, so that none of them stays private; use "
        "layer norm",
        "privacy");
  }
  const PrivacySettings& asked = *settings_.privacy;
  const SecretRandom random = asked.seed ? SecretRandom::seeded(*asked.seed) : SecretRandom::fresh();
  MARQUEE_ASSIGN(auto order, BatchOrder::make_poisson(data_.training, settings_.batches, random));
  MARQUEE_ASSIGN(const std::int64_t steps, train::total_steps(settings_, order.steps_per_epoch()));
  Privacy privacy{asked, random, asked.noise_multiplier, 0.0, {}};
  if (asked.target_epsilon > 0.0) {
    MARQUEE_ASSIGN(privacy.noise_multiplier,
                   noise_multiplier_for({asked.target_epsilon, asked.delta, order.sample_rate(), steps}));
  }
  privacy.expected_examples = order.sample_rate() * static_cast<double>(data_.training.size());
  MARQUEE_CHECK(privacy.of_one_step.add({privacy.noise_multiplier, order.sample_rate(), 1}));
  outcome_.noise_multiplier = privacy.noise_multiplier;
  private_gradients_.emplace(store_, PrivateGradients::Settings{asked.bound, privacy.noise_multiplier}, random);
  privacy_.emplace(std::move(privacy));
  return order;
}

Result<BatchOrder> TrainingRun::prepare() {
  const bool has_validation = data_.validation != nullptr && data_.validation->size() > 0;
  if (!has_validation) data_.validation = nullptr;
  MARQUEE_CHECK(check_settings(settings_, has_validation));
  MARQUEE_ASSIGN(auto order, settings_.privacy ? prepare_privacy()
                                               : BatchOrder::make(data_.training, settings_.batches, settings_.seed));
  steps_per_epoch_ = order.steps_per_epoch();
  MARQUEE_ASSIGN(total_steps_, train::total_steps(settings_, steps_per_epoch_));
  if (settings_.schedule.total_steps == 0) settings_.schedule.total_steps = total_steps_;
  schedule_ = nn::Schedule(settings_.schedule);
  optimiser_.emplace(store_, settings_.optimiser);
  if (settings_.average_decay > 0.0) average_.emplace(store_, static_cast<float>(settings_.average_decay));
  if (settings_.checkpoints.folder.empty()) return order;
  const base::json::object identity = {{"network", base::sha256_hex(learner_.description())},
                                       {"settings", hash_of(settings_object(settings_, NumberForm::kExact))},
                                       {"data", data_.training.hash()},
                                       {"validation data", data_.validation ? data_.validation->hash() : ""}};
  MARQUEE_ASSIGN(auto folder,
                 CheckpointFolder::open({settings_.checkpoints.folder, settings_.checkpoints.keep, identity}));
  checkpoints_.emplace(std::move(folder));
  return order;
}

Result<void> TrainingRun::restore(const SavedCheckpoint& saved) {
  const base::json::value* training = saved.state.if_contains("training");
  if (training == nullptr || !training->is_object()) return base::corrupt("its state lacks 'training'");
  MARQUEE_ASSIGN(state_, TrainingState::from_json(training->get_object()));
  MARQUEE_CHECK(load_tensors(*saved.model, model()));
  MARQUEE_CHECK(optimiser_->load_state(*saved.training, state_.step));
  if (average_) MARQUEE_CHECK(load_tensors(*saved.training, average_->state()));
  if (state_.best_step > 0) {
    keep_best();  // for its places
    MARQUEE_CHECK(load_tensors(*saved.training, best_));
  }
  return {};
}

Result<void> TrainingRun::resume() {
  if (!checkpoints_) return {};
  std::vector<std::string> refused;
  MARQUEE_ASSIGN(const auto saved, checkpoints_->latest(refused));
  for (const std::string& message : refused) warn("a checkpoint was left out: " + message);
  if (!saved) return {};
  if (auto restored = restore(*saved); !restored) {
    restored.error().message = saved->path.string() + ": " + restored.error().message;
    return restored;
  }
  auto& random = ComputeScope::current().random;
  random.next_stream = state_.random.next_stream;
  schedule_.restore(state_.schedule);
  elapsed_before_s_ = state_.elapsed_s;
  outcome_.resumed_from = state_.step;
  last_checkpoint_ = state_.step;
  return {};
}

/// @param share of the step's gradient
Result<double> TrainingRun::loss_of(const Batch& batch, double share) {
  const Tensor loss = learner_.loss(batch);
  const double value = loss.item();
  if (!std::isfinite(value)) {
    return base::invalid_argument("the loss is no number at step " + std::to_string(state_.step + 1) +
                                      "; lower the rate of learning, or clip gradients",
                                  "schedule.peak");
  }
  tensor::autograd::backward(loss, Tensor::full(loss.shape(), static_cast<float>(share)));
  return value;
}

Result<void> TrainingRun::add_gradients(const std::vector<Batch>& batches) {
  double weight = 0.0;
  for (const Batch& batch : batches) weight += batch.weight;
  state_.last_loss = 0.0;
  for (const Batch& batch : batches) {
    const double share = batch.weight / weight;
    MARQUEE_ASSIGN(const double loss, loss_of(batch, share));
    state_.last_loss += share * loss;
  }
  return {};
}

Result<void> TrainingRun::add_private_gradients(const std::vector<Batch>& batches) {
  double sum = 0.0;
  for (const Batch& batch : batches) {
    MARQUEE_ASSIGN(const double loss, loss_of(batch, 1.0));
    private_gradients_->add_example();
    sum += loss;
  }
  if (!batches.empty()) state_.last_loss = sum / static_cast<double>(batches.size());
  private_gradients_->finish(state_.step, privacy_->expected_examples);
  return {};
}

Result<void> TrainingRun::step(const std::vector<Batch>& batches) {
  store_.clear_gradients();
  MARQUEE_CHECK(privacy_ ? add_private_gradients(batches) : add_gradients(batches));
  if (settings_.clip_norm > 0.0) {
    gradient_norm_ = nn::clip_gradient_norm(store_, static_cast<float>(settings_.clip_norm));
  }
  rate_ = schedule_.rate(state_.step);
  optimiser_->step(static_cast<float>(rate_));
  if (average_) average_->update();
  ++state_.step;
  for (const Batch& batch : batches) reported_examples_ += batch.examples;
  reported_loss_ += state_.last_loss;
  ++reported_steps_;
  return {};
}

bool TrainingRun::is_validation_due() const {
  if (data_.validation == nullptr) return false;
  const std::int64_t every = settings_.validation.every_steps;
  return state_.step == total_steps_ || state_.step % (every > 0 ? every : steps_per_epoch_) == 0;
}

Result<Metrics> TrainingRun::evaluate() {
  const Dataset& data = *data_.validation;
  std::vector<std::int64_t> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), 0);
  if (settings_.batches.by_length) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return data.length(a) < data.length(b); });
  }
  const std::int64_t asked = settings_.validation.batch_size;
  const auto size = static_cast<std::size_t>(asked > 0 ? asked : settings_.batches.batch_size);
  const Recording off(false);
  const auto evaluator = learner_.evaluator();
  for (std::size_t begin = 0; begin < order.size(); begin += size) {
    const std::span<const std::int64_t> indices(order.data() + begin, std::min(size, order.size() - begin));
    MARQUEE_ASSIGN(Batch batch, data.batch(indices, {.seed = settings_.seed, .next_stream = begin}));
    if (batch.weight <= 0.0) batch.weight = static_cast<double>(batch.examples);
    evaluator->add(batch);
  }
  return evaluator->finish();
}

void TrainingRun::keep_best() {
  const auto live = model();
  if (best_.empty()) {
    for (const nn::Parameter& parameter : live)
      best_.push_back({"best." + parameter.name, parameter.value.clone(), false});
    return;
  }
  for (std::size_t i = 0; i < live.size(); ++i) {
    std::memcpy(best_[i].value.raw(), live[i].value.raw(), live[i].value.bytes());
  }
}

Result<void> TrainingRun::validate(Report& report) {
  const ValidationSettings& s = settings_.validation;
  if (average_) average_->swap();
  auto metrics = evaluate();
  if (metrics) {
    std::string names;
    const Metric* monitored = nullptr;
    for (const Metric& metric : *metrics) {
      if (metric.name == s.monitor) monitored = &metric;
      names += (names.empty() ? "" : ", ") + metric.name;
    }
    if (monitored == nullptr) {
      return base::invalid_argument("validation gives no '" + s.monitor + "', only " + names, "validation.monitor");
    }
    const double value = monitored->value;
    const double gain = s.higher_is_better ? value - state_.best_value : state_.best_value - value;
    report.is_best = !std::isnan(value) && (state_.best_step == 0 || gain > s.least_gain);
    if (report.is_best) {
      state_.best_value = value;
      state_.best_step = state_.step;
      state_.best_validation = *metrics;
      state_.since_best = 0;
      keep_best();
    } else {
      ++state_.since_best;
    }
    schedule_.note_validation(s.higher_is_better ? -value : value);
  }
  if (average_) average_->swap();
  if (!metrics) return std::move(metrics).error();
  state_.last_validation = *metrics;
  report.validation = std::move(*metrics);
  return {};
}

Result<void> TrainingRun::report(Report report) {
  const double seconds = seconds_since(reported_);
  const std::int64_t done_here = state_.step - outcome_.resumed_from;
  report.step = state_.step;
  report.total_steps = total_steps_;
  report.epoch = static_cast<double>(state_.step) / static_cast<double>(steps_per_epoch_);
  report.loss = reported_steps_ > 0 ? reported_loss_ / static_cast<double>(reported_steps_) : state_.last_loss;
  report.rate = rate_;
  report.gradient_norm = gradient_norm_;
  report.examples_per_s = seconds > 0.0 ? static_cast<double>(reported_examples_) / seconds : 0.0;
  report.elapsed_s = elapsed_s();
  report.eta_s = seconds_since(begin_) / static_cast<double>(std::max<std::int64_t>(1, done_here)) *
                 static_cast<double>(total_steps_ - state_.step);
  if (privacy_) {
    MARQUEE_ASSIGN(report.epsilon, privacy_->of_one_step.epsilon(privacy_->settings.delta, state_.step));
  }
  reported_ = std::chrono::steady_clock::now();
  reported_examples_ = 0;
  reported_steps_ = 0;
  reported_loss_ = 0.0;
  if (hooks_.report) hooks_.report(report);
  return {};
}

void TrainingRun::write_checkpoint() {
  if (!checkpoints_ || last_checkpoint_ == state_.step) return;
  state_.random = ComputeScope::current().random;
  state_.schedule = schedule_.state();
  state_.elapsed_s = elapsed_s();
  CheckpointContents contents{state_.step, model(), optimiser_->state(), state_.to_json()};
  if (average_) {
    const auto averages = average_->state();
    contents.training.insert(contents.training.end(), averages.begin(), averages.end());
  }
  contents.training.insert(contents.training.end(), best_.begin(), best_.end());
  const auto written = checkpoints_->write(contents);
  if (!written)
    return warn("the checkpoint of step " + std::to_string(state_.step) +
                " was not written: " + written.error().message);
  last_checkpoint_ = state_.step;
}

Result<void> TrainingRun::after_step() {
  Report now;
  const bool validates = is_validation_due();
  if (validates) MARQUEE_CHECK(validate(now));
  const bool is_last = state_.step == total_steps_;
  if (validates || is_last || state_.step % settings_.report_every_steps == 0) MARQUEE_CHECK(report(std::move(now)));
  if (checkpoints_ && state_.step % settings_.checkpoints.every_steps == 0) write_checkpoint();
  return {};
}

bool TrainingRun::has_ended() {
  const std::int64_t patience = settings_.validation.patience;
  if (state_.step >= total_steps_) {
    outcome_.end = TrainingEnd::kFinished;
  } else if (patience > 0 && state_.since_best >= patience) {
    outcome_.end = TrainingEnd::kNoLongerBetter;
  } else if (hooks_.cancel != nullptr && hooks_.cancel->load(std::memory_order_relaxed)) {
    outcome_.end = TrainingEnd::kCancelled;
  } else if (settings_.time_limit_s > 0.0 && elapsed_s() >= settings_.time_limit_s) {
    outcome_.end = TrainingEnd::kTimeLimit;
  } else {
    return false;
  }
  return true;
}

Result<TrainingOutcome> TrainingRun::finish() {
  write_checkpoint();
  store_.clear_gradients();
  if (!best_.empty()) {
    const auto live = model();
    for (std::size_t i = 0; i < live.size(); ++i) {
      std::memcpy(live[i].value.raw(), best_[i].value.raw(), live[i].value.bytes());
    }
  } else if (average_) {
    average_->swap();
  }
  outcome_.steps = state_.step;
  outcome_.epochs = static_cast<double>(state_.step) / static_cast<double>(steps_per_epoch_);
  outcome_.elapsed_s = elapsed_s();
  outcome_.last_loss = state_.last_loss;
  outcome_.last_validation = state_.last_validation;
  outcome_.best_step = state_.best_step;
  outcome_.best_validation = state_.best_validation;
  if (privacy_) {
    MARQUEE_ASSIGN(outcome_.epsilon, privacy_->of_one_step.epsilon(privacy_->settings.delta, state_.step));
  }
  return std::move(outcome_);
}

Result<TrainingOutcome> TrainingRun::run(base::ThreadPool& team) {
  ComputeScope scope(team, settings_.seed);
  scope.random.next_stream = kOperationStreams;
  MARQUEE_ASSIGN(auto order, prepare());
  MARQUEE_CHECK(resume());
  reported_ = begin_ = std::chrono::steady_clock::now();
  BatchLoader loader(data_.training, std::move(order), settings_.seed, {state_.step, total_steps_});
  while (!has_ended()) {
    MARQUEE_ASSIGN(const auto batches, loader.next());
    MARQUEE_CHECK(step(batches));
    MARQUEE_CHECK(after_step());
  }
  return finish();
}

}  // namespace

Result<TrainingOutcome> train(Learner& learner, const TrainingData& data, const TrainingSettings& settings,
                              base::ThreadPool& team, const TrainingHooks& hooks) {
  try {
    return TrainingRun(learner, data, settings, hooks).run(team);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted, "training needs more memory than there is; take smaller batches"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInternal, std::string("training broke off: ") + error.what()};
  }
}

}  // namespace marquee::train
