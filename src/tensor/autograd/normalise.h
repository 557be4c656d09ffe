#pragma once

#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

/// Each row to mean 0 and variance 1, then times gamma plus beta. @shape x: [..., dim]; gamma, beta: [dim]
/// @source arXiv:1607.06450
Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, float epsilon = 1e-5F);

/// Each row by its root mean square, times gamma. @shape x: [..., dim]; gamma: [dim]. @source arXiv:1910.07467
Tensor rms_norm(const Tensor& x, const Tensor& gamma, float epsilon = 1e-6F);

/// Statistics that batch_norm() keeps over the steps of a training, and uses in place of a batch's afterwards.
struct RunningStatistics {
  Tensor mean;            ///< [channels], 0 at first
  Tensor variance;        ///< [channels], 1 at first
  float momentum = 0.1F;  ///< of the newest batch
};

/// Each channel over all rows of the batch to mean 0 and variance 1, then times gamma plus beta.
/// @shape x: [..., channels]; gamma, beta: [channels]
/// @param training with the batch's own statistics, which running is then moved towards; else with running's
/// @throws ShapeError, also for a training batch of one row. @source arXiv:1502.03167
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, RunningStatistics& running, bool training,
                  float epsilon = 1e-5F);

}  // namespace marquee::tensor::autograd
