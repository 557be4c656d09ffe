#include "nn/recurrent.h"

#include <cmath>

#include "tensor/autograd/elementwise.h"
#include "tensor/autograd/layout.h"

namespace marquee::nn {

using tensor::autograd::RecurrentOptions;
using tensor::autograd::RecurrentResult;
using tensor::autograd::RecurrentWeights;

Recurrent::Recurrent(ParameterStore& store, const std::string& name, RecurrentKind kind, std::int64_t in,
                     std::int64_t hidden, const Options& options)
    : kind_(kind), options_(options) {
  const std::int64_t gates = (kind == RecurrentKind::kRnn ? 1 : kind == RecurrentKind::kGru ? 3 : 4) * hidden;
  const std::int64_t directions = options.bidirectional ? 2 : 1;
  const Initial initial = Initial::uniform(1.0F / std::sqrt(static_cast<float>(hidden)));
  for (std::int64_t layer = 0; layer < options.layers; ++layer) {
    const std::int64_t width = layer == 0 ? in : directions * hidden;
    for (std::int64_t direction = 0; direction < directions; ++direction) {
      const std::string suffix = "_l" + std::to_string(layer) + (direction == 1 ? "_reverse" : "");
      const auto make = [&](const char* part, const Shape& shape, bool decays) {
        return store.make(name + part + suffix, shape, initial, decays);
      };
      RecurrentWeights weights;
      weights.input = make(".weight_ih", {gates, width}, true);
      weights.state = make(".weight_hh", {gates, hidden}, true);
      weights.input_bias = make(".bias_ih", {gates}, false);
      weights.state_bias = make(".bias_hh", {gates}, false);
      weights_.push_back(weights);
    }
  }
}

Recurrent::Result Recurrent::operator()(const Tensor& x, const std::vector<std::int32_t>& lengths, bool training,
                                        const States& first) const {
  const std::size_t directions = options_.bidirectional ? 2 : 1;
  Result result{x, {}};
  for (std::size_t at = 0; at < weights_.size(); at += directions) {
    if (at > 0 && training) result.outputs = dropout(result.outputs, options_.dropout);
    std::vector<Tensor> outputs;
    for (std::size_t direction = 0; direction < directions; ++direction) {
      const std::size_t i = at + direction;
      const RecurrentOptions options{.reverse = direction == 1, .lengths = lengths};
      const Tensor state = first.hidden.empty() ? Tensor() : first.hidden.at(i);
      RecurrentResult one;
      switch (kind_) {
        case RecurrentKind::kRnn:
          one = rnn(result.outputs, state, weights_[i], tensor::autograd::Activation::kTanh, options);
          break;
        case RecurrentKind::kGru: one = gru(result.outputs, state, weights_[i], options); break;
        case RecurrentKind::kLstm:
          one = lstm(result.outputs, state, first.cell.empty() ? Tensor() : first.cell.at(i), weights_[i], options);
          break;
      }
      outputs.push_back(one.states);
      result.last.hidden.push_back(one.last);
      if (kind_ == RecurrentKind::kLstm) result.last.cell.push_back(one.cell);
    }
    result.outputs = directions == 1 ? outputs[0] : tensor::autograd::concatenate(outputs, -1);
  }
  return result;
}

}  // namespace marquee::nn
