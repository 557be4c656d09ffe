#pragma once

#include <cstdint>
#include <vector>

#include "kernels/activation.h"
#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

/// The weights of one direction of one layer, gates below one another in PyTorch's order: reset, update, candidate of a
/// GRU; input, forget, cell, output of an LSTM; one of a plain RNN.
struct RecurrentWeights {
  Tensor input;       ///< [gates · hidden, in]
  Tensor state;       ///< [gates · hidden, hidden]
  Tensor input_bias;  ///< [gates · hidden]
  Tensor state_bias;  ///< [gates · hidden]
};

struct RecurrentOptions {
  bool reverse = false;  ///< from the last step to the first
  /// [batch]: steps from there on are padding: they leave the state as it is and give zeros. Empty: there is none.
  std::vector<std::int32_t> lengths = {};
};

struct RecurrentResult {
  Tensor states;  ///< [steps, batch, hidden]: h after each step
  Tensor last;    ///< [batch, hidden]: h after the last that is no padding
  Tensor cell;    ///< [batch, hidden]: an LSTM's c then; undefined for others
};

/// @shape x: [steps, batch, in]; state, cell: [batch, hidden], or undefined for zeros
/// @throws ShapeError
RecurrentResult gru(const Tensor& x, const Tensor& state, const RecurrentWeights& weights,
                    const RecurrentOptions& options = {});
RecurrentResult lstm(const Tensor& x, const Tensor& state, const Tensor& cell, const RecurrentWeights& weights,
                     const RecurrentOptions& options = {});
/// h = activation(W x + b + U h + c), Elman's network. @param activation kTanh or kRelu
RecurrentResult rnn(const Tensor& x, const Tensor& state, const RecurrentWeights& weights,
                    kernels::Activation activation = kernels::Activation::kTanh, const RecurrentOptions& options = {});

}  // namespace marquee::tensor::autograd
