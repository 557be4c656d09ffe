#include "tensor/autograd/recurrent.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/kernels.h"
#include "kernels/training.h"
#include "tensor/autograd/gemm.h"
#include "tensor/autograd/graph.h"
#include "tensor/autograd/product.h"
#include "tensor/autograd/reduce.h"
#include "tensor/autograd/scope.h"

namespace marquee::tensor::autograd {
namespace {

using kernels::Activation;
using kernels::training_kernels;

enum class Cell { kRnn, kGru, kLstm };

std::size_t gates_of(Cell cell) { return cell == Cell::kRnn ? 1 : (cell == Cell::kGru ? 3 : 4); }

Tensor zeros_2d(std::size_t rows, std::size_t width) {
  return Tensor::zeros({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)});
}

Tensor empty_3d(std::size_t steps, std::size_t rows, std::size_t width) {
  return Tensor::empty(
      {static_cast<std::int64_t>(steps), static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)});
}

/// One direction of one layer over one batch: what the forward pass computes and the backward pass reads again.
///
/// States are kept in steps + 1 slots. Forwards, slot t holds the state before step t; backwards in time, slot t + 1
/// does, so that the states before all steps lie one behind another either way.
class RecurrentPass {
 public:
  RecurrentPass(Cell cell, Activation activation, const Tensor& x, const RecurrentWeights& weights,
                const RecurrentOptions& options)
      : cell_(cell), activation_(activation), options_(options), x_(x.detach()), weights_(detached(weights)) {
    check(x, weights);
    const std::size_t wide = gates_of(cell_) * hidden_;
    states_ = empty_3d(steps_ + 1, batch_, hidden_);
    if (cell_ == Cell::kLstm) cells_ = empty_3d(steps_ + 1, batch_, hidden_);
    if (cell_ != Cell::kRnn) gates_ = empty_3d(steps_, batch_, wide);
    if (cell_ == Cell::kGru) from_state_ = empty_3d(steps_, batch_, wide);
  }

  void forward(const Tensor& state, const Tensor& cell) {
    begin_with(state, states_);
    if (cell_ == Cell::kLstm) begin_with(cell, cells_);
    sums_ = linear(x_, weights_.input, weights_.input_bias);
    if (cell_ != Cell::kGru) add_to_each_row(weights_.state_bias, sums_);
    for (std::size_t step = 0; step < steps_; ++step) forward_step(options_.reverse ? steps_ - 1 - step : step);
    sums_ = {};  // the backward pass does without
  }

  [[nodiscard]] Tensor states() const {
    Tensor y = empty_3d(steps_, batch_, hidden_);
    std::memcpy(y.data(), states_.data() + after(0) * row_block(), y.bytes());
    for (std::size_t b = 0; b < options_.lengths.size(); ++b) {
      for (std::size_t t = length(b); t < steps_; ++t) {
        std::memset(y.data() + t * row_block() + b * hidden_, 0, hidden_ * sizeof(float));
      }
    }
    return y;
  }
  [[nodiscard]] Tensor last_state() const { return last_of(states_); }
  [[nodiscard]] Tensor last_cell() const { return cell_ == Cell::kLstm ? last_of(cells_) : Tensor(); }

  /// Inputs in the order of record(): x, state, cell, and the four weights. Outputs: states, last, cell.
  void backward(Gradients& g) const {
    Tensor carry = g.output(1).defined() ? g.output(1).clone() : zeros_2d(batch_, hidden_);
    Tensor d_cell;
    if (cell_ == Cell::kLstm) d_cell = g.output(2).defined() ? g.output(2).clone() : zeros_2d(batch_, hidden_);
    const std::size_t wide = gates_of(cell_) * hidden_;
    Tensor d_input = empty_3d(steps_, batch_, wide);
    // What a GRU's state adds to its candidate has another gradient than what the input adds; others have one for both.
    Tensor d_state = cell_ == Cell::kGru ? empty_3d(steps_, batch_, wide) : d_input;
    for (std::size_t step = steps_; step-- > 0;) {
      const std::size_t t = options_.reverse ? steps_ - 1 - step : step;
      backward_step(t, g.output(0), {carry, d_cell, d_input, d_state});
    }
    add_gradients(g, d_input, d_state);
    g.add(1, std::move(carry));
    if (cell_ == Cell::kLstm) g.add(2, std::move(d_cell));
  }

 private:
  struct Flow {
    Tensor& carry;
    Tensor& d_cell;
    Tensor& d_input;
    Tensor& d_state;
  };

  static RecurrentWeights detached(const RecurrentWeights& w) {
    return {w.input.detach(), w.state.detach(), w.input_bias.detach(), w.state_bias.detach()};
  }

  void check(const Tensor& x, const RecurrentWeights& w) {
    const auto gates = static_cast<std::int64_t>(gates_of(cell_));
    if (x.shape().rank() != 3 || w.state.shape().rank() != 2) {
      throw ShapeError("a recurrent layer of " + x.shape().to_string());
    }
    const std::int64_t hidden = w.state.extent(1);
    const Shape bias{gates * hidden};
    if (!(w.input.shape() == Shape{gates * hidden, x.extent(2)}) ||
        !(w.state.shape() == Shape{gates * hidden, hidden}) || !(w.input_bias.shape() == bias) ||
        !(w.state_bias.shape() == bias)) {
      throw ShapeError("a recurrent layer: weights " + w.input.shape().to_string() + " and " +
                       w.state.shape().to_string() + " for " + x.shape().to_string());
    }
    steps_ = static_cast<std::size_t>(x.extent(0));
    batch_ = static_cast<std::size_t>(x.extent(1));
    hidden_ = static_cast<std::size_t>(hidden);
    if (!options_.lengths.empty() && options_.lengths.size() != batch_) {
      throw ShapeError("a recurrent layer: lengths of another batch than " + x.shape().to_string());
    }
  }

  [[nodiscard]] std::size_t row_block() const { return batch_ * hidden_; }
  [[nodiscard]] std::size_t before(std::size_t t) const { return options_.reverse ? t + 1 : t; }
  [[nodiscard]] std::size_t after(std::size_t t) const { return options_.reverse ? t : t + 1; }
  [[nodiscard]] std::size_t length(std::size_t b) const {
    return static_cast<std::size_t>(
        std::clamp<std::int64_t>(options_.lengths[b], 0, static_cast<std::int64_t>(steps_)));
  }
  [[nodiscard]] bool is_padding(std::size_t t, std::size_t b) const {
    return !options_.lengths.empty() && t >= length(b);
  }

  void begin_with(const Tensor& first, Tensor& slots) const {
    float* slot = slots.data() + (options_.reverse ? steps_ : 0) * row_block();
    if (!first.defined()) {
      std::memset(slot, 0, row_block() * sizeof(float));
      return;
    }
    if (!(first.shape() == Shape{static_cast<std::int64_t>(batch_), static_cast<std::int64_t>(hidden_)})) {
      throw ShapeError("a recurrent layer: a first state " + first.shape().to_string());
    }
    std::memcpy(slot, first.data(), row_block() * sizeof(float));
  }

  [[nodiscard]] Tensor last_of(const Tensor& slots) const {
    Tensor y = zeros_2d(batch_, hidden_);
    std::memcpy(y.data(), slots.data() + (options_.reverse ? 0 : steps_) * row_block(), y.bytes());
    return y;
  }

  static void add_to_each_row(const Tensor& bias, Tensor& x) {
    const auto width = static_cast<std::size_t>(bias.elements());
    parallel_ranges(static_cast<std::size_t>(x.elements()) / width, row_grain(width),
                    [&, to = x.data()](std::size_t begin, std::size_t end) {
                      for (std::size_t r = begin; r < end; ++r)
                        kernels::kernels().add(bias.data(), width, to + r * width);
                    });
  }

  void forward_step(std::size_t t) {
    const std::size_t wide = gates_of(cell_) * hidden_;
    const bool is_gru = cell_ == Cell::kGru;
    float* sums = (is_gru ? from_state_ : sums_).data() + t * batch_ * wide;
    if (is_gru) {
      for (std::size_t b = 0; b < batch_; ++b)
        std::memcpy(sums + b * wide, weights_.state_bias.data(), wide * sizeof(float));
    }
    gemm({.transpose_b = true,
          .m = batch_,
          .n = wide,
          .k = hidden_,
          .a = states_.data() + before(t) * row_block(),
          .lda = hidden_,
          .b = weights_.state.data(),
          .ldb = hidden_,
          .beta = 1.0F,
          .c = sums,
          .ldc = wide});
    parallel_ranges(batch_, row_grain(8 * wide), [&](std::size_t begin, std::size_t end) {
      for (std::size_t b = begin; b < end; ++b) forward_row(t, b, sums + b * wide);
    });
  }

  void forward_row(std::size_t t, std::size_t b, const float* sums) {
    const std::size_t from = before(t) * row_block() + b * hidden_;
    const std::size_t to = after(t) * row_block() + b * hidden_;
    float* states = states_.data();
    if (is_padding(t, b)) {
      std::memcpy(states + to, states + from, hidden_ * sizeof(float));
      if (cell_ == Cell::kLstm) std::memcpy(cells_.data() + to, cells_.data() + from, hidden_ * sizeof(float));
      return;
    }
    const std::size_t wide_at = (t * batch_ + b) * gates_of(cell_) * hidden_;
    switch (cell_) {
      case Cell::kRnn:
        std::memcpy(states + to, sums, hidden_ * sizeof(float));
        return kernels::kernels().activate(activation_, states + to, hidden_);
      case Cell::kGru:
        return training_kernels().gru(
            {hidden_, sums_.data() + wide_at, sums, states + from, gates_.data() + wide_at, states + to});
      case Cell::kLstm:
        return training_kernels().lstm(
            {hidden_, sums, cells_.data() + from, gates_.data() + wide_at, cells_.data() + to, states + to});
    }
  }

  void backward_step(std::size_t t, const Tensor& d_states, const Flow& flow) const {
    const std::size_t wide = gates_of(cell_) * hidden_;
    parallel_ranges(batch_, row_grain(8 * wide), [&](std::size_t begin, std::size_t end) {
      for (std::size_t b = begin; b < end; ++b) backward_row(t, b, d_states, flow);
    });
    gemm({.m = batch_,
          .n = hidden_,
          .k = wide,
          .a = flow.d_state.data() + t * batch_ * wide,
          .lda = wide,
          .b = weights_.state.data(),
          .ldb = hidden_,
          .beta = 1.0F,
          .c = flow.carry.data(),
          .ldc = hidden_});
  }

  void backward_row(std::size_t t, std::size_t b, const Tensor& d_states, const Flow& flow) const {
    const std::size_t wide = gates_of(cell_) * hidden_;
    const std::size_t wide_at = (t * batch_ + b) * wide;
    float* d_input = flow.d_input.data() + wide_at;
    float* d_state = flow.d_state.data() + wide_at;
    float* carry = flow.carry.data() + b * hidden_;
    if (is_padding(t, b)) {  // the state passed through
      std::memset(d_input, 0, wide * sizeof(float));
      std::memset(d_state, 0, wide * sizeof(float));
      return;
    }
    if (d_states.defined()) kernels::kernels().add(d_states.data() + t * row_block() + b * hidden_, hidden_, carry);
    const std::size_t from = before(t) * row_block() + b * hidden_;
    const std::size_t to = after(t) * row_block() + b * hidden_;
    switch (cell_) {
      case Cell::kRnn:
        training_kernels().activation_gradient(activation_, nullptr, states_.data() + to, carry, hidden_, d_input);
        break;
      case Cell::kGru:
        return training_kernels().gru_gradient({hidden_, gates_.data() + wide_at, from_state_.data() + wide_at,
                                                states_.data() + from, carry, d_input, d_state, carry});
      case Cell::kLstm:
        training_kernels().lstm_gradient({hidden_, gates_.data() + wide_at, cells_.data() + from, cells_.data() + to,
                                          carry, flow.d_cell.data() + b * hidden_, d_input});
        break;
    }
    std::memset(carry, 0,
                hidden_ * sizeof(float));  // all of it went through the sums: the product with U is what is left
  }

  /// weight += d xᵀ over all steps, and the sums of d's columns to its bias.
  static void add_weight_gradients(Gradients& g, std::size_t weight, std::size_t bias, const Tensor& d, const float* x,
                                   std::size_t x_width) {
    const auto wide = static_cast<std::size_t>(d.extent(-1));
    const auto rows = static_cast<std::size_t>(d.elements()) / wide;
    if (g.wanted(weight)) {
      auto place = g.place(weight);
      gemm({.transpose_a = true,
            .m = wide,
            .n = x_width,
            .k = rows,
            .a = d.data(),
            .lda = wide,
            .b = x,
            .ldb = x_width,
            .beta = place.fresh ? 0.0F : 1.0F,
            .c = place.gradient.data(),
            .ldc = x_width});
    }
    const Shape flat{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(wide)};
    if (g.wanted(bias)) g.add(bias, sum_values(d.reshape(flat), 0).reshape({static_cast<std::int64_t>(wide)}));
  }

  void add_gradients(Gradients& g, const Tensor& d_input, const Tensor& d_state) const {
    const auto in = static_cast<std::size_t>(x_.extent(2));
    const std::size_t wide = gates_of(cell_) * hidden_;
    if (g.wanted(0)) {
      auto place = g.place(0);
      gemm({.m = steps_ * batch_,
            .n = in,
            .k = wide,
            .a = d_input.data(),
            .lda = wide,
            .b = weights_.input.data(),
            .ldb = in,
            .beta = place.fresh ? 0.0F : 1.0F,
            .c = place.gradient.data(),
            .ldc = in});
    }
    add_weight_gradients(g, 3, 5, d_input, x_.data(), in);
    add_weight_gradients(g, 4, 6, d_state, states_.data() + before(0) * row_block(), hidden_);
  }

  Cell cell_;
  Activation activation_;
  RecurrentOptions options_;
  Tensor x_;
  RecurrentWeights weights_;
  std::size_t steps_ = 0, batch_ = 0, hidden_ = 0;
  Tensor sums_;        ///< [steps, batch, gates · hidden]: W x + b; of an RNN and an LSTM the whole sum
  Tensor from_state_;  ///< of a GRU: U h + c
  Tensor gates_;
  Tensor states_;  ///< [steps + 1, batch, hidden]
  Tensor cells_;   ///< of an LSTM, likewise
};

RecurrentResult run(Cell kind, Activation activation, const Tensor& x, const Tensor& state, const Tensor& cell,
                    const RecurrentWeights& weights, const RecurrentOptions& options) {
  const auto pass = std::make_shared<RecurrentPass>(kind, activation, x, weights, options);
  {
    const Recording off(false);
    pass->forward(state, cell);
  }
  RecurrentResult result{pass->states(), pass->last_state(), pass->last_cell()};
  std::vector<Tensor*> outputs = {&result.states, &result.last};
  if (kind == Cell::kLstm) outputs.push_back(&result.cell);
  record(outputs, {x, state, cell, weights.input, weights.state, weights.input_bias, weights.state_bias},
         [pass](Gradients& g) { pass->backward(g); });
  return result;
}

}  // namespace

RecurrentResult gru(const Tensor& x, const Tensor& state, const RecurrentWeights& weights,
                    const RecurrentOptions& options) {
  return run(Cell::kGru, Activation::kTanh, x, state, {}, weights, options);
}

RecurrentResult lstm(const Tensor& x, const Tensor& state, const Tensor& cell, const RecurrentWeights& weights,
                     const RecurrentOptions& options) {
  return run(Cell::kLstm, Activation::kTanh, x, state, cell, weights, options);
}

RecurrentResult rnn(const Tensor& x, const Tensor& state, const RecurrentWeights& weights, Activation activation,
                    const RecurrentOptions& options) {
  if (activation != Activation::kTanh && activation != Activation::kRelu) {
    throw ShapeError("an RNN's activation is tanh or relu");
  }
  return run(Cell::kRnn, activation, x, state, {}, weights, options);
}

}  // namespace marquee::tensor::autograd
