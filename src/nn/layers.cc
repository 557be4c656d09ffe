#include "nn/layers.h"

#include <algorithm>
#include <cmath>

#include "tensor/autograd/layout.h"
#include "tensor/autograd/product.h"

namespace marquee::nn {
namespace {

/// PyTorch's bound of weights and biases that take so many inputs.
Initial by_fan_in(std::int64_t fan_in) {
  return Initial::uniform(fan_in > 0 ? 1.0F / std::sqrt(static_cast<float>(fan_in)) : 0.0F);
}

}  // namespace

Linear::Linear(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out, Options options)
    : weight_(store.make(name + ".weight", {out, in}, by_fan_in(in))), activation_(options.activation) {
  if (options.bias) bias_ = store.make(name + ".bias", {out}, by_fan_in(in), false);
}

Tensor Linear::operator()(const Tensor& x) const { return linear(x, weight_, bias_, activation_); }

Embedding::Embedding(ParameterStore& store, const std::string& name, std::int64_t rows, std::int64_t width,
                     std::int64_t padding)
    : weight_(store.make(name + ".weight", {rows, width}, Initial::normal(1.0F))), padding_(padding) {
  if (padding >= 0) std::fill_n(weight_.data() + padding * width, width, 0.0F);
}

Tensor Embedding::operator()(const Tensor& indices) const { return embedding(weight_, indices, padding_); }

Conv2d::Conv2d(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out,
               tensor::autograd::Extent2 kernel, const Options& options)
    : options_(options) {
  const std::int64_t of_group = in / std::max<std::int64_t>(1, options.convolution.groups);
  const Initial initial = by_fan_in(of_group * kernel[0] * kernel[1]);
  weight_ = store.make(name + ".weight", {out, of_group, kernel[0], kernel[1]}, initial);
  if (options.bias) bias_ = store.make(name + ".bias", {out}, initial, false);
}

Tensor Conv2d::operator()(const Tensor& x) const {
  return conv2d(x, weight_, bias_, options_.convolution, options_.activation);
}

Conv1d::Conv1d(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
               const Conv2d::Options& options)
    : options_(options) {
  const std::int64_t of_group = in / std::max<std::int64_t>(1, options.convolution.groups);
  const Initial initial = by_fan_in(of_group * kernel);
  weight_ = store.make(name + ".weight", {out, of_group, kernel}, initial);
  if (options.bias) bias_ = store.make(name + ".bias", {out}, initial, false);
}

Tensor Conv1d::operator()(const Tensor& x) const {
  return conv1d(x, weight_, bias_, options_.convolution, options_.activation);
}

ConvTranspose2d::ConvTranspose2d(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out,
                                 tensor::autograd::Extent2 kernel, const Options& options)
    : options_(options) {
  const std::int64_t of_group = out / std::max<std::int64_t>(1, options.convolution.groups);
  const Initial initial =
      by_fan_in(of_group * kernel[0] * kernel[1]);  // PyTorch counts what the weight's second axis has
  weight_ = store.make(name + ".weight", {in, of_group, kernel[0], kernel[1]}, initial);
  if (options.bias) bias_ = store.make(name + ".bias", {out}, initial, false);
}

Tensor ConvTranspose2d::operator()(const Tensor& x) const {
  return conv_transpose2d(x, weight_, bias_, options_.convolution, options_.output_padding);
}

LayerNorm::LayerNorm(ParameterStore& store, const std::string& name, std::int64_t width, float epsilon)
    : gamma_(store.make(name + ".weight", {width}, Initial::constant(1.0F), false)),
      beta_(store.make(name + ".bias", {width}, Initial::constant(0.0F), false)),
      epsilon_(epsilon) {}

Tensor LayerNorm::operator()(const Tensor& x) const { return layer_norm(x, gamma_, beta_, epsilon_); }

RmsNorm::RmsNorm(ParameterStore& store, const std::string& name, std::int64_t width, float epsilon)
    : gamma_(store.make(name + ".weight", {width}, Initial::constant(1.0F), false)), epsilon_(epsilon) {}

Tensor RmsNorm::operator()(const Tensor& x) const { return rms_norm(x, gamma_, epsilon_); }

BatchNorm::BatchNorm(ParameterStore& store, const std::string& name, std::int64_t channels, float epsilon)
    : gamma_(store.make(name + ".weight", {channels}, Initial::constant(1.0F), false)),
      beta_(store.make(name + ".bias", {channels}, Initial::constant(0.0F), false)),
      running_{store.make_buffer(name + ".running_mean", {channels}, 0.0F),
               store.make_buffer(name + ".running_var", {channels}, 1.0F)},
      epsilon_(epsilon) {}

Tensor BatchNorm::operator()(const Tensor& x, bool training) const {
  return batch_norm(x, gamma_, beta_, running_, training, epsilon_);
}

}  // namespace marquee::nn
