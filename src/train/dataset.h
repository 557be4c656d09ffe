#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tensor/autograd/random.h"
#include "tensor/autograd/tensor.h"

namespace marquee::train {

using tensor::autograd::Random;
using tensor::autograd::Tensor;

/// Examples put together for one pass through a network.
struct Batch {
  std::vector<Tensor> tensors;  ///< what they mean is between the dataset and the learner
  std::int64_t examples = 0;
  /// What a mean loss over this batch is a mean of, if that is not its examples: words, say. Batches whose gradients
  /// are added up weigh by it.
  double weight = 0.0;
};

/// Examples by index, all of which may be asked for again and again in any order.
class Dataset {
 public:
  virtual ~Dataset() = default;
  [[nodiscard]] virtual std::int64_t size() const = 0;
  /// Of an example, in whatever it is padded in: batches by length hold examples of about one length.
  [[nodiscard]] virtual std::int64_t length(std::int64_t /*index*/) const { return 1; }
  /// Called on the loader's thread, one call at a time: it may make tensors but not compute with them. The same indices
  /// and random numbers give the same batch.
  /// @param random for what is changed by chance about examples; of validation always the same
  virtual base::Result<Batch> batch(std::span<const std::int64_t> indices, Random random) const = 0;
  /// SHA-256 of what the examples are made of: a training goes on only with the data that it began with.
  [[nodiscard]] virtual std::string hash() const = 0;
};

}  // namespace marquee::train
