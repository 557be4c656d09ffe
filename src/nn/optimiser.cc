#include "nn/optimiser.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/training.h"
#include "nn/named_choice.h"
#include "tensor/autograd/scope.h"

namespace marquee::nn {
namespace {

using kernels::training_kernels;
using tensor::autograd::parallel_ranges;

// A slice that fits the second-level cache with its gradient and two averages.
constexpr std::size_t kSliceElements = 16384;

constexpr std::pair<std::string_view, Method> kMethods[] = {
    {"sgd", Method::kSgd},         {"adagrad", Method::kAdagrad},
    {"rmsprop", Method::kRmsProp}, {"adadelta", Method::kAdadelta},
    {"adam", Method::kAdam},       {"adamw", Method::kAdamW},
    {"lion", Method::kLion},       {"subgradient", Method::kSubgradient},
};

bool keeps_first(const OptimiserSettings& s) {
  switch (s.method) {
    case Method::kSgd:
    case Method::kRmsProp: return s.momentum != 0.0F;
    case Method::kAdagrad:
    case Method::kSubgradient: return false;
    case Method::kAdadelta:
    case Method::kAdam:
    case Method::kAdamW:
    case Method::kLion: return true;
  }
  return false;
}

bool keeps_second(Method method) {
  return method == Method::kAdagrad || method == Method::kRmsProp || method == Method::kAdadelta ||
         method == Method::kAdam || method == Method::kAdamW;
}

kernels::AdamStep adam_step(const OptimiserSettings& s, float rate, std::int64_t step, float decay) {
  const bool decoupled = s.method == Method::kAdamW;
  const auto t = static_cast<double>(step);
  return {.rate = static_cast<float>(rate / (1.0 - std::pow(static_cast<double>(s.beta1), t))),
          .beta1 = s.beta1,
          .beta2 = s.beta2,
          .epsilon = s.epsilon,
          .root_scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(static_cast<double>(s.beta2), t))),
          .decay = decoupled ? 0.0F : decay,
          .shrink = decoupled ? 1.0F - rate * decay : 1.0F};
}

/// value -= rate · gradient, then towards 0 by rate · λ: the proximal step of λ |value|.
void proximal_step(float rate, float l1, float decay, const kernels::ParameterSlice& slice) {
  training_kernels().sgd({.rate = rate, .decay = decay}, slice);
  if (l1 == 0.0F) return;
  const float threshold = rate * l1;
  for (std::size_t i = 0; i < slice.count; ++i) {
    const float size = std::fabs(slice.value[i]) - threshold;
    slice.value[i] = size <= 0.0F ? 0.0F : std::copysign(size, slice.value[i]);
  }
}

}  // namespace

base::Result<Method> method_of(std::string_view name) { return named_choice<Method>(kMethods, name, "optimiser"); }

std::string_view to_string(Method method) {
  for (const auto& [name, known] : kMethods) {
    if (known == method) return name;
  }
  return "sgd";
}

OptimiserSettings OptimiserSettings::of(Method method) {
  OptimiserSettings settings{.method = method};
  switch (method) {
    case Method::kAdagrad: settings.epsilon = 1e-10F; break;
    case Method::kAdadelta:
      settings.smoothing = 0.9F;
      settings.epsilon = 1e-6F;
      break;
    case Method::kAdamW: settings.weight_decay = 0.01F; break;
    case Method::kLion: settings.beta2 = 0.99F; break;
    default: break;
  }
  return settings;
}

Optimiser::Optimiser(const ParameterStore& store, const OptimiserSettings& settings, Decay decay)
    : settings_(settings) {
  for (const Parameter& parameter : store.parameters()) {
    if (!parameter.value.requires_gradient()) continue;
    const bool decays = decay == Decay::kEverything || parameter.decays;
    Slot slot{parameter.name, parameter.value, decays, {}, {}};
    if (keeps_first(settings_)) slot.first = Tensor::zeros(parameter.value.shape());
    if (keeps_second(settings_.method)) slot.second = Tensor::zeros(parameter.value.shape());
    slots_.push_back(std::move(slot));
  }
}

void Optimiser::step_slice(Slot& slot, float rate, std::size_t begin, std::size_t count) const {
  const OptimiserSettings& s = settings_;
  const float decay = slot.decays ? s.weight_decay : 0.0F;
  const kernels::ParameterSlice slice{.count = count,
                                      .value = slot.value.data() + begin,
                                      .gradient = slot.value.gradient().data() + begin,
                                      .first = slot.first.defined() ? slot.first.data() + begin : nullptr,
                                      .second = slot.second.defined() ? slot.second.data() + begin : nullptr};
  switch (s.method) {
    case Method::kSgd: {
      // A velocity begins as the first gradient, whole.
      const float dampening = steps_ == 1 ? 0.0F : s.dampening;
      return training_kernels().sgd({rate, s.momentum, dampening, decay, s.nesterov}, slice);
    }
    case Method::kAdagrad: return training_kernels().adagrad({rate, s.epsilon, decay}, slice);
    case Method::kRmsProp: return training_kernels().rms_prop({rate, s.smoothing, s.epsilon, s.momentum, decay}, slice);
    case Method::kAdadelta: return training_kernels().adadelta({rate, s.smoothing, s.epsilon, decay}, slice);
    case Method::kAdam:
    case Method::kAdamW: return training_kernels().adam(adam_step(s, rate, steps_, decay), slice);
    case Method::kLion: return training_kernels().lion({rate, s.beta1, s.beta2, 1.0F - rate * decay}, slice);
    case Method::kSubgradient:
      return proximal_step(rate / std::sqrt(static_cast<float>(steps_)), slot.decays ? s.l1 : 0.0F, decay, slice);
  }
}

void Optimiser::step(float rate) {
  ++steps_;
  struct Slice {
    Slot* slot;
    std::size_t begin;
    std::size_t count;
  };
  std::vector<Slice> slices;
  for (Slot& slot : slots_) {
    if (!slot.value.gradient().defined()) continue;
    const auto count = static_cast<std::size_t>(slot.value.elements());
    for (std::size_t begin = 0; begin < count; begin += kSliceElements) {
      slices.push_back({&slot, begin, std::min(kSliceElements, count - begin)});
    }
  }
  parallel_ranges(slices.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) step_slice(*slices[i].slot, rate, slices[i].begin, slices[i].count);
  });
}

std::vector<Parameter> Optimiser::state() const {
  std::vector<Parameter> all;
  for (const Slot& slot : slots_) {
    if (slot.first.defined()) all.push_back({"optimiser.first." + slot.name, slot.first, false});
    if (slot.second.defined()) all.push_back({"optimiser.second." + slot.name, slot.second, false});
  }
  return all;
}

base::Result<void> Optimiser::load_state(const tensor::WeightSource& source, std::int64_t steps) {
  for (Parameter& parameter : state()) {
    MARQUEE_ASSIGN(const tensor::StoredTensor stored, source.find(parameter.name));
    if (stored.dtype != kernels::DType::kF32 || stored.elements() != parameter.value.elements()) {
      return base::corrupt("the tensor " + parameter.name + " is not what this optimiser saved");
    }
    std::memcpy(parameter.value.data(), stored.bytes.data(), parameter.value.bytes());
  }
  steps_ = steps;
  return {};
}

BestIterate::BestIterate(const ParameterStore& store) : loss_(std::numeric_limits<double>::infinity()) {
  for (const Parameter& parameter : store.parameters()) live_.push_back(parameter.value);
  for (const Parameter& buffer : store.buffers()) live_.push_back(buffer.value);
}

bool BestIterate::note(double loss) {
  if (!(loss < loss_)) return false;
  loss_ = loss;
  best_.clear();
  for (const Tensor& tensor : live_) best_.push_back(tensor.clone());
  return true;
}

void BestIterate::restore() {
  for (std::size_t i = 0; i < best_.size(); ++i) {
    std::copy(best_[i].values().begin(), best_[i].values().end(), live_[i].data());
  }
}

float gradient_norm(const ParameterStore& store) {
  double squares = 0.0;
  for (const Parameter& parameter : store.parameters()) {
    const Tensor gradient = parameter.value.gradient();
    if (!gradient.defined()) continue;
    for (std::size_t begin = 0; begin < gradient.values().size(); begin += kSliceElements) {
      const float* values = gradient.data() + begin;
      squares += training_kernels().dot(values, values, std::min(kSliceElements, gradient.values().size() - begin));
    }
  }
  return static_cast<float>(std::sqrt(squares));
}

float clip_gradient_norm(ParameterStore& store, float most) {
  const float norm = gradient_norm(store);
  // As PyTorch: the smallest number keeps an all-zero gradient finite.
  const float scale = most / (norm + 1e-6F);
  if (!(scale < 1.0F)) return norm;
  for (const Parameter& parameter : store.parameters()) {
    Tensor gradient = parameter.value.gradient();
    if (!gradient.defined()) continue;
    float* values = gradient.data();
    parallel_ranges(gradient.values().size(), tensor::autograd::kElementGrain, [&](std::size_t begin, std::size_t end) {
      training_kernels().binary(kernels::BinaryOp::kMultiply,
                                {values + begin, &scale, false, true, end - begin, values + begin});
    });
  }
  return norm;
}

MovingAverage::MovingAverage(const ParameterStore& store, float decay) : decay_(decay) {
  for (const Parameter& parameter : store.parameters()) {
    names_.push_back("average." + parameter.name);
    live_.push_back(parameter.value);
    average_.push_back(parameter.value.clone());
  }
}

void MovingAverage::update() {
  for (std::size_t i = 0; i < live_.size(); ++i) {
    float* average = average_[i].data();
    const float* live = live_[i].data();
    parallel_ranges(live_[i].values().size(), tensor::autograd::kElementGrain, [&](std::size_t begin, std::size_t end) {
      const std::size_t count = end - begin;
      training_kernels().binary(kernels::BinaryOp::kMultiply,
                                {average + begin, &decay_, false, true, count, average + begin});
      training_kernels().add_scaled(1.0F - decay_, live + begin, count, average + begin);
    });
  }
}

std::vector<Parameter> MovingAverage::state() const {
  std::vector<Parameter> all;
  for (std::size_t i = 0; i < average_.size(); ++i) all.push_back({names_[i], average_[i], false});
  return all;
}

void MovingAverage::swap() {
  for (std::size_t i = 0; i < live_.size(); ++i) {
    std::swap_ranges(average_[i].data(), average_[i].data() + average_[i].elements(), live_[i].data());
  }
}

}  // namespace marquee::nn
