#pragma once

#include <memory>

#include "tensor/autograd/graph.h"
#include "tensor/autograd/storage.h"
#include "tensor/autograd/tensor.h"

namespace marquee::tensor::autograd {

struct Tensor::Body {
  Shape shape;
  DType dtype = DType::kF32;
  std::shared_ptr<Storage> storage;
  bool wants_gradient = false;  ///< a leaf
  Tensor gradient;              ///< of a leaf
  std::shared_ptr<Node> node;   ///< what it came of
  std::size_t output = 0;       ///< which of its outputs it is
};

/// A recorded operation.
class Node {
 public:
  Node(std::vector<Tensor> inputs, std::size_t outputs, Backward backward);
  ~Node();

  /// Where the gradient of a tensor that wants one is gathered: in the leaf, or in the node that it came of.
  static Tensor& gradient_of(const Tensor& tensor);
  static std::shared_ptr<Node> of(const Tensor& tensor) { return tensor.body().node; }
  static void attach(Tensor& tensor, std::shared_ptr<Node> node, std::size_t output);

  /// Passes the gathered gradients on to the inputs, and lets go of everything.
  /// @return the inputs, for the pass to go on with
  std::vector<Tensor> run();
  [[nodiscard]] std::uint64_t order() const { return order_; }
  [[nodiscard]] bool is_spent() const { return backward_ == nullptr; }

 private:
  std::uint64_t order_;  ///< larger than that of every node before it
  std::vector<Tensor> inputs_;
  std::vector<Tensor> gradients_;  ///< of the outputs
  Backward backward_;
};

}  // namespace marquee::tensor::autograd
