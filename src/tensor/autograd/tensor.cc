#include "tensor/autograd/tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tensor/autograd/tensor_body.h"

namespace marquee::tensor::autograd {
namespace {

std::size_t element_bytes(DType dtype) { return kernels::dtype_info(dtype).block_bytes; }

template <typename T>
Tensor copied(const Shape& shape, DType dtype, std::span<const T> values) {
  if (static_cast<std::int64_t>(values.size()) != shape.elements()) {
    throw ShapeError(std::to_string(values.size()) + " values do not fill " + shape.to_string());
  }
  Tensor tensor = Tensor::empty(shape, dtype);
  if (!values.empty()) std::memcpy(tensor.raw(), values.data(), values.size_bytes());
  return tensor;
}

}  // namespace

const Tensor::Body& Tensor::body() const {
  if (!body_) throw ShapeError("an undefined tensor was used");
  return *body_;
}

Tensor::Body& Tensor::body() { return const_cast<Body&>(std::as_const(*this).body()); }

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kBF16:
    case DType::kI32:
    case DType::kI64: break;
    default: throw ShapeError("tensors hold f32, bf16, i32 or i64");
  }
  auto body = std::make_shared<Body>();
  body->shape = shape;
  body->dtype = dtype;
  body->storage = std::make_shared<Storage>(static_cast<std::size_t>(shape.elements()) * element_bytes(dtype));
  return Tensor(std::move(body));
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor tensor = empty(shape, dtype);
  std::memset(tensor.raw(), 0, tensor.bytes());
  return tensor;
}

Tensor Tensor::full(const Shape& shape, float value) {
  Tensor tensor = empty(shape);
  std::fill_n(tensor.data(), shape.elements(), value);
  return tensor;
}

Tensor Tensor::from(const Shape& shape, std::span<const float> values) { return copied(shape, DType::kF32, values); }
Tensor Tensor::from(const Shape& shape, std::span<const std::int32_t> values) {
  return copied(shape, DType::kI32, values);
}
Tensor Tensor::from(const Shape& shape, std::span<const std::int64_t> values) {
  return copied(shape, DType::kI64, values);
}

const Shape& Tensor::shape() const { return body().shape; }
DType Tensor::dtype() const { return body().dtype; }
std::size_t Tensor::bytes() const { return static_cast<std::size_t>(elements()) * element_bytes(dtype()); }
std::byte* Tensor::raw() const { return body().storage->data(); }

namespace {

template <typename T>
T* elements_as(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() != dtype) {
    throw ShapeError("a tensor of " + std::string(kernels::dtype_info(tensor.dtype()).name) + " was used as one of " +
                     std::string(kernels::dtype_info(dtype).name));
  }
  return reinterpret_cast<T*>(tensor.raw());
}

}  // namespace

float* Tensor::data() { return elements_as<float>(*this, DType::kF32); }
const float* Tensor::data() const { return elements_as<float>(*this, DType::kF32); }
std::uint16_t* Tensor::bf16_data() { return elements_as<std::uint16_t>(*this, DType::kBF16); }
const std::uint16_t* Tensor::bf16_data() const { return elements_as<std::uint16_t>(*this, DType::kBF16); }
std::int32_t* Tensor::i32_data() { return elements_as<std::int32_t>(*this, DType::kI32); }
const std::int32_t* Tensor::i32_data() const { return elements_as<std::int32_t>(*this, DType::kI32); }

std::vector<std::int64_t> Tensor::index_values() const {
  if (dtype() == DType::kI32) return {i32_data(), i32_data() + elements()};
  const auto* wide = elements_as<std::int64_t>(*this, DType::kI64);
  return {wide, wide + elements()};
}

float Tensor::item() const {
  if (elements() != 1) throw ShapeError("item() of " + shape().to_string());
  return *data();
}

Tensor& Tensor::require_gradient(bool wanted) {
  if (dtype() != DType::kF32) throw ShapeError("only f32 tensors have gradients");
  if (body().node) throw ShapeError("only a leaf can be told whether it wants a gradient");
  body().wants_gradient = wanted;
  return *this;
}

bool Tensor::requires_gradient() const { return body_ && (body_->wants_gradient || body_->node); }
bool Tensor::is_leaf() const { return !body().node; }
Tensor Tensor::gradient() const { return body().gradient; }

void Tensor::set_gradient(Tensor gradient) {
  if (gradient.defined() && !(gradient.shape() == shape())) {
    throw ShapeError("a gradient " + gradient.shape().to_string() + " of " + shape().to_string());
  }
  body().gradient = std::move(gradient);
}

Tensor Tensor::alias(const Shape& shape) const {
  auto shared = std::make_shared<Body>();
  shared->shape = shape;
  shared->dtype = dtype();
  shared->storage = body().storage;
  return Tensor(std::move(shared));
}

Tensor Tensor::detach() const { return alias(shape()); }

Tensor Tensor::clone() const {
  Tensor copy = empty(shape(), dtype());
  std::memcpy(copy.raw(), raw(), bytes());
  return copy;
}

Tensor Tensor::reshape(const Shape& shape) const {
  if (shape.elements() != elements()) {
    throw ShapeError(this->shape().to_string() + " has not as many elements as " + shape.to_string());
  }
  Tensor y = alias(shape);
  record(y, {*this}, [from = this->shape()](Gradients& g) { g.add(0, g.output().reshape(from)); });
  return y;
}

bool Tensor::is_sole_owner() const { return body_.use_count() == 1 && body().storage.use_count() == 1; }

}  // namespace marquee::tensor::autograd
