#include "train/private_gradients.h"

#include <algorithm>
#include <utility>

#include "kernels/training.h"
#include "nn/optimiser.h"
#include "tensor/autograd/scope.h"

namespace marquee::train {

using kernels::training_kernels;
using nn::Tensor;
using tensor::autograd::kElementGrain;
using tensor::autograd::parallel_ranges;

namespace {

void add_to_sum(const Tensor& gradient, float scale, Tensor& sum) {
  const float* from = gradient.data();
  float* to = sum.data();
  parallel_ranges(gradient.values().size(), kElementGrain, [&](std::size_t begin, std::size_t end) {
    training_kernels().add_scaled(scale, from + begin, end - begin, to + begin);
  });
}

void scale_values(Tensor& tensor, float scale) {
  float* values = tensor.data();
  parallel_ranges(tensor.values().size(), kElementGrain, [&](std::size_t begin, std::size_t end) {
    training_kernels().binary(kernels::BinaryOp::kMultiply,
                              {values + begin, &scale, false, true, end - begin, values + begin});
  });
}

}  // namespace

PrivateGradients::PrivateGradients(nn::ParameterStore& store, const Settings& settings, const SecretRandom& random)
    : store_(store), settings_(settings), random_(random) {
  for (const nn::Parameter& parameter : store.parameters()) {
    if (parameter.value.requires_gradient()) learning_.push_back(parameter);
  }
  sums_.resize(learning_.size());
}

float PrivateGradients::add_example() {
  const float norm = nn::gradient_norm(store_);
  // The smallest number keeps an all-zero gradient finite, as in opacus.
  const auto scale = static_cast<float>(std::min(1.0, settings_.bound / (static_cast<double>(norm) + 1e-6)));
  for (std::size_t i = 0; i < learning_.size(); ++i) {
    const Tensor gradient = learning_[i].value.gradient();
    if (!gradient.defined()) continue;
    if (!sums_[i].defined()) sums_[i] = Tensor::zeros(gradient.shape());
    add_to_sum(gradient, scale, sums_[i]);
  }
  store_.clear_gradients();
  return norm;
}

void PrivateGradients::finish(std::int64_t step, double expected_examples) {
  const double deviation = settings_.noise_multiplier * settings_.bound;
  for (std::size_t i = 0; i < learning_.size(); ++i) {
    // A parameter that no example reached gets its noise as well: whether one did would tell something.
    Tensor sum = sums_[i].defined() ? std::exchange(sums_[i], {}) : Tensor::zeros(learning_[i].value.shape());
    if (deviation > 0.0) {
      random_.add_gaussian(step, static_cast<std::uint32_t>(i), deviation,
                           {sum.data(), static_cast<std::size_t>(sum.elements())});
    }
    scale_values(sum, static_cast<float>(1.0 / expected_examples));
    learning_[i].value.set_gradient(std::move(sum));
  }
}

}  // namespace marquee::train
