#include "tensor/autograd/graph.h"

#include <algorithm>
#include <atomic>
#include <queue>
#include <utility>

#include "kernels/kernels.h"
#include "tensor/autograd/scope.h"
#include "tensor/autograd/tensor_body.h"

namespace marquee::tensor::autograd {
namespace {

std::atomic<std::uint64_t> nodes_made{0};

void add_into(const Tensor& x, Tensor& y) {
  const float* from = x.data();
  float* to = y.data();
  parallel_ranges(static_cast<std::size_t>(y.elements()), kElementGrain, [&](std::size_t begin, std::size_t end) {
    kernels::kernels().add(from + begin, end - begin, to + begin);
  });
}

/// Nodes still to be gone through, the latest first: whatever an operation's outputs reach was recorded after it.
class Pending {
 public:
  void add(const std::shared_ptr<Node>& node) {
    if (node) nodes_.push_back(node), std::push_heap(nodes_.begin(), nodes_.end(), is_earlier);
  }
  [[nodiscard]] bool empty() const { return nodes_.empty(); }
  std::shared_ptr<Node> take_latest() {
    std::shared_ptr<Node> latest = pop();
    while (!nodes_.empty() && nodes_.front() == latest) pop();
    return latest;
  }

 private:
  static bool is_earlier(const std::shared_ptr<Node>& a, const std::shared_ptr<Node>& b) {
    return a->order() < b->order();
  }
  std::shared_ptr<Node> pop() {
    std::pop_heap(nodes_.begin(), nodes_.end(), is_earlier);
    std::shared_ptr<Node> node = std::move(nodes_.back());
    nodes_.pop_back();
    return node;
  }
  std::vector<std::shared_ptr<Node>> nodes_;
};

}  // namespace

Node::Node(std::vector<Tensor> inputs, std::size_t outputs, Backward backward)
    : order_(nodes_made.fetch_add(1)),
      inputs_(std::move(inputs)),
      gradients_(outputs),
      backward_(std::move(backward)) {}

// A long chain (a recurrent network over many steps) would otherwise be let go of by as many nested calls.
Node::~Node() {
  std::vector<std::shared_ptr<Node>> chain;
  const auto take_nodes = [&chain](std::vector<Tensor>& inputs) {
    for (Tensor& input : inputs) {
      if (input.body_ && input.body_.use_count() == 1 && input.body_->node)
        chain.push_back(std::move(input.body_->node));
    }
  };
  backward_ = nullptr;  // it holds inputs, too
  take_nodes(inputs_);
  while (!chain.empty()) {
    const std::shared_ptr<Node> last = std::move(chain.back());
    chain.pop_back();
    if (last.use_count() != 1) continue;
    last->backward_ = nullptr;
    take_nodes(last->inputs_);
  }
}

Tensor& Node::gradient_of(const Tensor& tensor) {
  Tensor::Body& body = *tensor.body_;
  return body.node ? body.node->gradients_[body.output] : body.gradient;
}

void Node::attach(Tensor& tensor, std::shared_ptr<Node> node, std::size_t output) {
  tensor.body().node = std::move(node);
  tensor.body().output = output;
}

std::vector<Tensor> Node::run() {
  std::vector<Tensor> outputs = std::exchange(gradients_, std::vector<Tensor>(gradients_.size()));
  std::vector<Tensor> inputs = std::exchange(inputs_, {});
  const Backward backward = std::exchange(backward_, nullptr);
  Gradients gradients(outputs, inputs);
  backward(gradients);
  return inputs;
}

void Gradients::add(std::size_t input, Tensor gradient) {
  const Tensor& of = inputs_[input];
  if (!of.requires_gradient()) return;
  if (!(gradient.shape() == of.shape())) {
    throw ShapeError("a gradient " + gradient.shape().to_string() + " of " + of.shape().to_string());
  }
  Tensor& gathered = Node::gradient_of(of);
  if (!gathered.defined()) {
    // A leaf's is its own: who has it may change it.
    gathered = of.is_leaf() && !gradient.is_sole_owner() ? gradient.clone() : std::move(gradient);
    return;
  }
  // What was put here first may be what others hold as well.
  if (!gathered.is_sole_owner()) gathered = gathered.clone();
  add_into(gradient, gathered);
}

Gradients::Place Gradients::place(std::size_t input) {
  const Tensor& of = inputs_[input];
  Tensor& gathered = Node::gradient_of(of);
  const bool fresh = !gathered.defined();
  if (fresh) {
    gathered = Tensor::empty(of.shape());
  } else if (!gathered.is_sole_owner()) {
    gathered = gathered.clone();
  }
  return {gathered, fresh};
}

void record(Tensor& y, std::initializer_list<Tensor> inputs, Backward backward) {
  Tensor* const outputs[] = {&y};
  record(outputs, std::vector<Tensor>(inputs), std::move(backward));
}

void record(std::span<Tensor* const> outputs, std::vector<Tensor> inputs, Backward backward) {
  if (!Recording::is_on()) return;
  const auto wants = [](const Tensor& input) { return input.requires_gradient(); };
  if (std::none_of(inputs.begin(), inputs.end(), wants)) return;
  // Only what backward() goes on with is held here.
  for (Tensor& input : inputs) {
    if (!wants(input)) input = {};
  }
  const auto node = std::make_shared<Node>(std::move(inputs), outputs.size(), std::move(backward));
  for (std::size_t i = 0; i < outputs.size(); ++i) Node::attach(*outputs[i], node, i);
}

void backward(const Tensor& loss) {
  if (loss.elements() != 1) throw ShapeError("backward() begins at one value, not at " + loss.shape().to_string());
  backward(loss, Tensor::full(loss.shape(), 1.0F));
}

void backward(const Tensor& y, const Tensor& gradient) {
  if (!y.requires_gradient()) throw ShapeError("backward() of what no leaf that wants a gradient led to");
  const Recording off(false);
  const std::shared_ptr<Node> last = Node::of(y);
  if (last && last->is_spent()) throw ShapeError("backward() has gone through this already");
  {
    const Tensor ends[] = {y};
    Gradients(std::span<Tensor>(), ends).add(0, gradient);
  }
  Pending pending;
  pending.add(last);
  while (!pending.empty()) {
    const std::shared_ptr<Node> node = pending.take_latest();
    if (node->is_spent()) throw ShapeError("backward() has gone through a part of this already");
    for (const Tensor& input : node->run()) {
      if (input.defined() && Node::gradient_of(input).defined()) pending.add(Node::of(input));
    }
  }
}

Tensor checkpoint(const std::function<Tensor(std::span<const Tensor>)>& f, std::vector<Tensor> inputs) {
  if (!Recording::is_on()) return f(inputs);
  const Random before = ComputeScope::current().random;
  Tensor y;
  {
    const Recording off(false);
    y = f(inputs).detach();
  }
  // The leaves that f itself holds (its parameters) are not among the inputs: a marker makes sure of a node.
  std::vector<Tensor> recorded = inputs;
  recorded.push_back(Tensor::zeros({}).require_gradient());
  Tensor* const outputs[] = {&y};
  record(outputs, std::move(recorded), [f, inputs = std::move(inputs), before](Gradients& g) {
    Random& random = ComputeScope::current().random;
    const Random after = std::exchange(random, before);
    std::vector<Tensor> again;
    for (const Tensor& input : inputs) {
      again.push_back(input.detach());
      if (input.requires_gradient()) again.back().require_gradient();
    }
    {
      const Recording on(true);
      backward(f(again), g.output());
    }
    random = after;
    for (std::size_t i = 0; i < again.size(); ++i) {
      if (again[i].gradient().defined()) g.add(i, again[i].gradient());
    }
  });
  return y;
}

}  // namespace marquee::tensor::autograd
