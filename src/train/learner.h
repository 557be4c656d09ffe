#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/parameters.h"
#include "train/dataset.h"

namespace marquee::train {

/// A number that validation gives: "loss", "accuracy", "macro_f1", ….
struct Metric {
  std::string name;
  double value = 0.0;
};
using Metrics = std::vector<Metric>;

/// Gathers what a validation says, batch by batch.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  /// Called with nothing recorded, in a ComputeScope.
  virtual void add(const Batch& batch) = 0;
  virtual Metrics finish() = 0;
};

/// What is trained: a network and its loss. Called on the training's thread, in its ComputeScope.
class Learner {
 public:
  virtual ~Learner() = default;
  virtual nn::ParameterStore& parameters() = 0;
  /// The mean loss over a batch, recorded, with dropout and the like at work. @shape result: []
  virtual Tensor loss(const Batch& batch) = 0;
  /// For one validation; its metrics have names that stay the same.
  virtual std::unique_ptr<Evaluator> evaluator() = 0;
  /// What a training that goes on must agree about: layers, sizes, the loss.
  [[nodiscard]] virtual std::string description() const = 0;
};

}  // namespace marquee::train
