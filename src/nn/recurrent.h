#pragma once

#include <string>
#include <vector>

#include "nn/parameters.h"
#include "tensor/autograd/recurrent.h"

namespace marquee::nn {

enum class RecurrentKind : std::uint8_t { kRnn, kGru, kLstm };

/// Recurrent layers one on another, each in one direction or both. Parameters are named as PyTorch's:
/// name.weight_ih_l0, name.weight_hh_l0_reverse, ….
class Recurrent {
 public:
  struct Options {
    std::int64_t layers = 1;
    bool bidirectional = false;
    float dropout = 0.0F;  ///< between layers, while training
  };
  Recurrent(ParameterStore& store, const std::string& name, RecurrentKind kind, std::int64_t in, std::int64_t hidden,
            const Options& options);

  /// States of every layer and direction, in the order layer 0 forwards, layer 0 backwards, layer 1 ….
  struct States {
    std::vector<Tensor> hidden;  ///< each [batch, hidden]
    std::vector<Tensor> cell;    ///< an LSTM's
  };
  struct Result {
    Tensor outputs;  ///< [steps, batch, directions · hidden]: of the last layer
    States last;
  };
  /// @shape x: [steps, batch, in]
  /// @param lengths [batch]: steps from there on are padding; empty: there is none
  /// @param first states to begin from; empty for zeros
  [[nodiscard]] Result operator()(const Tensor& x, const std::vector<std::int32_t>& lengths, bool training,
                                  const States& first = {}) const;
  [[nodiscard]] std::size_t state_count() const { return weights_.size(); }

 private:
  RecurrentKind kind_;
  Options options_;
  std::vector<tensor::autograd::RecurrentWeights> weights_;  ///< by layer, then direction
};

}  // namespace marquee::nn
