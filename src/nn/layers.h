#pragma once
// Layers of one parameter tensor or two. Their parameters are named, laid out and initialised as PyTorch's are, so that
// its files load. A layer holds its tensors; calling it computes.

#include <string>

#include "nn/parameters.h"
#include "tensor/autograd/convolution.h"
#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/normalise.h"

namespace marquee::nn {

using tensor::autograd::Activation;

/// y = activation(x Wᵀ + b)
class Linear {
 public:
  struct Options {
    bool bias = true;
    Activation activation = Activation::kIdentity;
  };
  /// @param name of the layer; its parameters are name.weight [out, in] and name.bias [out]
  Linear(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out, Options options);
  Linear(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out)
      : Linear(store, name, in, out, Options{}) {}
  /// @shape x: [..., in]; result: [..., out]
  [[nodiscard]] Tensor operator()(const Tensor& x) const;
  [[nodiscard]] const Tensor& weight() const { return weight_; }

 private:
  Tensor weight_;
  Tensor bias_;
  Activation activation_;
};

class Embedding {
 public:
  /// @param padding this row begins at 0 and does not learn; -1: there is none
  Embedding(ParameterStore& store, const std::string& name, std::int64_t rows, std::int64_t width,
            std::int64_t padding = -1);
  /// @shape indices: any; result: indices' with width behind
  [[nodiscard]] Tensor operator()(const Tensor& indices) const;
  [[nodiscard]] const Tensor& weight() const { return weight_; }

 private:
  Tensor weight_;
  std::int64_t padding_;
};

/// Over images with channels last; the weight is [out, in / groups, height, width].
class Conv2d {
 public:
  struct Options {
    tensor::autograd::ConvolutionOptions convolution = {};
    bool bias = true;
    Activation activation = Activation::kIdentity;
  };
  Conv2d(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out,
         tensor::autograd::Extent2 kernel, const Options& options);
  [[nodiscard]] Tensor operator()(const Tensor& x) const;

 private:
  Tensor weight_;
  Tensor bias_;
  Options options_;
};

/// Over sequences with channels last; the weight is [out, in / groups, kernel]. Of the options' pairs the second
/// counts.
class Conv1d {
 public:
  Conv1d(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
         const Conv2d::Options& options);
  [[nodiscard]] Tensor operator()(const Tensor& x) const;

 private:
  Tensor weight_;
  Tensor bias_;
  Conv2d::Options options_;
};

/// Grows images; the weight is [in, out / groups, height, width].
class ConvTranspose2d {
 public:
  struct Options {
    tensor::autograd::ConvolutionOptions convolution = {};
    tensor::autograd::Extent2 output_padding = {0, 0};
    bool bias = true;
  };
  ConvTranspose2d(ParameterStore& store, const std::string& name, std::int64_t in, std::int64_t out,
                  tensor::autograd::Extent2 kernel, const Options& options);
  [[nodiscard]] Tensor operator()(const Tensor& x) const;

 private:
  Tensor weight_;
  Tensor bias_;
  Options options_;
};

class LayerNorm {
 public:
  LayerNorm(ParameterStore& store, const std::string& name, std::int64_t width, float epsilon = 1e-5F);
  [[nodiscard]] Tensor operator()(const Tensor& x) const;

 private:
  Tensor gamma_;
  Tensor beta_;
  float epsilon_;
};

class RmsNorm {
 public:
  RmsNorm(ParameterStore& store, const std::string& name, std::int64_t width, float epsilon = 1e-6F);
  [[nodiscard]] Tensor operator()(const Tensor& x) const;

 private:
  Tensor gamma_;
  float epsilon_;
};

/// Of the last axis; its running statistics are buffers of the store.
class BatchNorm {
 public:
  BatchNorm(ParameterStore& store, const std::string& name, std::int64_t channels, float epsilon = 1e-5F);
  [[nodiscard]] Tensor operator()(const Tensor& x, bool training) const;

 private:
  Tensor gamma_;
  Tensor beta_;
  mutable tensor::autograd::RunningStatistics running_;  // the tensors it names change, it does not
  float epsilon_;
};

}  // namespace marquee::nn
