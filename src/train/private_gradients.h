#pragma once

#include <cstdint>
#include <vector>

#include "nn/parameters.h"
#include "train/secret_random.h"

namespace marquee::train {

/// One step's gradient under differential privacy: each example's gradient is scaled down to a norm of at most `bound`,
/// they are added up, and noise of noise_multiplier · bound is added to each value. @source arXiv:1607.00133
class PrivateGradients {
 public:
  struct Settings {
    double bound = 1.0;             ///< above 0
    double noise_multiplier = 1.0;  ///< 0 or more
  };
  /// Of the parameters that learn now.
  PrivateGradients(nn::ParameterStore& store, const Settings& settings, const SecretRandom& random);

  /// Takes the store's gradients as those of one example, and clears them. @return their norm before
  float add_example();
  /// Leaves the step's gradient in the store: the sum and its noise, divided by how many examples were expected. Begins
  /// anew.
  void finish(std::int64_t step, double expected_examples);

 private:
  nn::ParameterStore& store_;
  Settings settings_;
  SecretRandom random_;
  std::vector<nn::Parameter> learning_;
  std::vector<nn::Tensor> sums_;  ///< undefined before the first example
};

}  // namespace marquee::train
