#pragma once

#include <cstdint>

#include "base/json.h"
#include "base/result.h"
#include "nn/schedule.h"
#include "tensor/autograd/random.h"
#include "train/learner.h"

namespace marquee::train {

/// The numbers that a training goes on from, beside its tensors.
struct TrainingState {
  std::int64_t step = 0;  ///< done
  tensor::autograd::Random random = {};
  nn::Schedule::State schedule = {};
  double last_loss = 0.0;
  double elapsed_s = 0.0;
  Metrics last_validation = {};
  Metrics best_validation = {};
  double best_value = 0.0;
  std::int64_t best_step = 0;  ///< 0: none yet
  std::int64_t since_best = 0;

  /// As checkpoints keep it: exact.
  [[nodiscard]] base::json::object to_json() const;
  /// @error kCorrupt naming the field
  static base::Result<TrainingState> from_json(const base::json::object& object);
};

}  // namespace marquee::train
