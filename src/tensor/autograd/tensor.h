#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/dtype.h"
#include "tensor/autograd/shape.h"

namespace marquee::tensor::autograd {

using kernels::DType;
class Node;
class Storage;

/// A row-major array that several handles may share, and what its gradient is. Copying a Tensor copies a handle.
///
/// Elements are f32, bf16 (storage only: operations compute in f32, see cast()), i32 or i64 (indices). Where operations
/// are recorded (see scope.h), a tensor that came of one keeps what its backward pass needs; backward() consumes that.
class Tensor {
 public:
  Tensor() = default;  ///< undefined: no tensor

  /// @throws std::bad_alloc
  static Tensor empty(const Shape& shape, DType dtype = DType::kF32);
  static Tensor zeros(const Shape& shape, DType dtype = DType::kF32);
  static Tensor full(const Shape& shape, float value);
  /// @throws ShapeError if there are not as many values as the shape has elements
  static Tensor from(const Shape& shape, std::span<const float> values);
  static Tensor from(const Shape& shape, std::span<const std::int32_t> values);
  static Tensor from(const Shape& shape, std::span<const std::int64_t> values);

  [[nodiscard]] bool defined() const { return body_ != nullptr; }
  [[nodiscard]] const Shape& shape() const;
  [[nodiscard]] std::int64_t extent(std::int64_t axis) const { return shape()[axis]; }
  [[nodiscard]] std::int64_t elements() const { return shape().elements(); }
  [[nodiscard]] DType dtype() const;
  [[nodiscard]] std::size_t bytes() const;

  /// The elements. @throws ShapeError if they are of another type
  [[nodiscard]] float* data();
  [[nodiscard]] const float* data() const;
  [[nodiscard]] std::uint16_t* bf16_data();
  [[nodiscard]] const std::uint16_t* bf16_data() const;
  [[nodiscard]] std::int32_t* i32_data();
  [[nodiscard]] const std::int32_t* i32_data() const;
  [[nodiscard]] std::span<const float> values() const { return {data(), static_cast<std::size_t>(elements())}; }
  /// i32 or i64 elements as i64. @throws ShapeError for other types
  [[nodiscard]] std::vector<std::int64_t> index_values() const;
  [[nodiscard]] std::byte* raw() const;
  /// The only element. @throws ShapeError if there are more
  [[nodiscard]] float item() const;

  /// A leaf whose gradient backward() computes. @throws ShapeError unless f32
  Tensor& require_gradient(bool wanted = true);
  [[nodiscard]] bool requires_gradient() const;  ///< or came of one that does
  [[nodiscard]] bool is_leaf() const;            ///< no operation that was recorded gave it
  /// What backward() added up; undefined if it did not reach this tensor.
  [[nodiscard]] Tensor gradient() const;
  void set_gradient(Tensor gradient);
  void clear_gradient() { set_gradient({}); }

  /// The same elements without their history.
  [[nodiscard]] Tensor detach() const;
  /// A copy of the elements, without history.
  [[nodiscard]] Tensor clone() const;
  /// The same elements in another shape, with their history. @throws ShapeError if it has not as many
  [[nodiscard]] Tensor reshape(const Shape& shape) const;
  /// Whether nothing else holds these elements.
  [[nodiscard]] bool is_sole_owner() const;
  [[nodiscard]] bool is_same(const Tensor& other) const { return body_ == other.body_; }

 private:
  friend class Node;
  struct Body;
  explicit Tensor(std::shared_ptr<Body> body) : body_(std::move(body)) {}
  [[nodiscard]] const Body& body() const;
  [[nodiscard]] Body& body();
  /// Another handle on the same storage, without history.
  [[nodiscard]] Tensor alias(const Shape& shape) const;

  std::shared_ptr<Body> body_;
};

}  // namespace marquee::tensor::autograd
