#pragma once
// What was computed and how to go back: each recorded operation is a node that knows its inputs and the function that
// turns gradients of its outputs into theirs.

#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

/// Where a backward function reads gradients of outputs and leaves those of inputs.
class Gradients {
 public:
  Gradients(std::span<Tensor> outputs, std::span<const Tensor> inputs) : outputs_(outputs), inputs_(inputs) {}

  /// The gradient of an output; undefined if nothing that came of it reached the loss (an operation of one output is
  /// only called when it is defined).
  [[nodiscard]] const Tensor& output(std::size_t index = 0) const { return outputs_[index]; }
  [[nodiscard]] bool wanted(std::size_t input) const { return inputs_[input].requires_gradient(); }
  /// Adds to an input's gradient. @throws ShapeError if the shape is another
  void add(std::size_t input, Tensor gradient);

  /// The input's gradient for an operation that adds to it by itself.
  struct Place {
    Tensor gradient;
    bool fresh = true;  ///< nothing is there yet: its elements have no values
  };
  Place place(std::size_t input);

 private:
  std::span<Tensor> outputs_;
  std::span<const Tensor> inputs_;
};

using Backward = std::function<void(Gradients&)>;

/// Makes y what an operation on the inputs gave, if operations are recorded and one of the inputs wants a gradient.
/// Undefined inputs are allowed. The function must not hold y itself, only y.detach(): it would keep itself alive.
void record(Tensor& y, std::initializer_list<Tensor> inputs, Backward backward);
/// The same for operations with several outputs or inputs.
void record(std::span<Tensor* const> outputs, std::vector<Tensor> inputs, Backward backward);

/// Adds d(loss)/d(leaf) to the gradient of every leaf that loss came of. Whatever an operation kept is given back as
/// soon as the pass has gone through it.
/// @param loss one element
/// @throws ShapeError if loss has more, or came of nothing that wants a gradient, or was gone through already
void backward(const Tensor& loss);
/// The same from any tensor, given the gradient of what comes after it. @shape gradient: as y
void backward(const Tensor& y, const Tensor& gradient);

/// f(inputs), of which only the inputs are kept: the backward pass computes f once more. Random numbers are the same
/// both times. @source arXiv:1604.06174
Tensor checkpoint(const std::function<Tensor(std::span<const Tensor>)>& f, std::vector<Tensor> inputs);

}  // namespace marquee::tensor::autograd
