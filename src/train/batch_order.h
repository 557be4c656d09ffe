#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "train/dataset.h"
#include "train/secret_random.h"

namespace marquee::train {

struct BatchSettings {
  std::int64_t batch_size = 32;   ///< examples that go through the network together; 1 to 2^20
  std::int64_t accumulation = 1;  ///< batches whose gradients one step of the optimiser takes together; 1 to 2^16
  bool shuffle = true;            ///< anew for each epoch
  bool by_length = false;         ///< batches of examples of about one length, in random order
  bool drop_last = false;         ///< leave out a last batch that is not full
};

/// Which examples each step of a training takes: a function of seed and step, so that a training goes on where it was
/// from the step's number alone. Of the data only indices are held, for one epoch.
class BatchOrder {
 public:
  /// @error kInvalidArgument naming the setting; for a dataset without examples
  static base::Result<BatchOrder> make(const Dataset& dataset, const BatchSettings& settings, std::uint64_t seed);
  /// Each example takes part in each step by chance, as differential privacy asks (Poisson sampling), with probability
  /// batch_size · accumulation / size. Batches are of one example each; a step may have none.
  static base::Result<BatchOrder> make_poisson(const Dataset& dataset, const BatchSettings& settings,
                                               const SecretRandom& random);

  [[nodiscard]] std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  /// The batches of a step, counted from 0 over all epochs.
  std::vector<std::vector<std::int64_t>> step(std::int64_t step);
  /// Poisson sampling's probability.
  [[nodiscard]] double sample_rate() const { return sample_rate_; }

 private:
  BatchOrder(const Dataset& dataset, const BatchSettings& settings, std::uint64_t seed);
  void order_epoch(std::int64_t epoch);
  void sort_pools();

  const Dataset* dataset_;
  BatchSettings settings_;
  std::uint64_t seed_;
  std::int64_t batches_ = 0;  ///< of an epoch
  std::int64_t steps_per_epoch_ = 0;
  double sample_rate_ = 0.0;
  std::unique_ptr<SecretRandom> poisson_;
  std::int64_t epoch_ = -1;                ///< that order_ is of
  std::vector<std::int64_t> order_;        ///< of examples
  std::vector<std::int64_t> batch_order_;  ///< by length: of batches
};

/// A random order of [0, count), the same for the same seed and stream on every machine.
/// @source Fisher and Yates, by Philox; positions by multiplication (arXiv:1805.10941)
std::vector<std::int64_t> permutation(std::int64_t count, std::uint64_t stream, std::uint64_t seed);

}  // namespace marquee::train
