#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>

namespace marquee::tensor::autograd {

constexpr std::size_t kMaxRank = 6;

/// A broken invariant of whoever built the network: shapes that an operation cannot take. What a person configured is
/// checked before networks are built, so that this never answers a request; jobs catch it all the same.
class ShapeError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// The extents of a row-major tensor, outermost first. A shape of no extents is that of one value.
class Shape {
 public:
  Shape() = default;
  /// @throws ShapeError for more than kMaxRank extents, a negative one, or 2^40 elements or more
  Shape(std::initializer_list<std::int64_t> extents)
      : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const std::int64_t> extents);

  [[nodiscard]] std::size_t rank() const { return rank_; }
  [[nodiscard]] std::int64_t elements() const { return elements_; }
  /// @param axis negative ones count from the last: -1
  /// @throws ShapeError if there is no such axis
  [[nodiscard]] std::int64_t operator[](std::int64_t axis) const { return extents_[axis_index(axis)]; }
  /// The axis as an index from the front. @throws ShapeError
  [[nodiscard]] std::size_t axis_index(std::int64_t axis) const;
  [[nodiscard]] std::span<const std::int64_t> extents() const { return {extents_.data(), rank_}; }
  /// Elements of the axes before, and after, an axis.
  [[nodiscard]] std::int64_t outer(std::size_t axis) const;
  [[nodiscard]] std::int64_t inner(std::size_t axis) const;
  /// This shape with one extent replaced, left out, or put in before an axis.
  [[nodiscard]] Shape with(std::int64_t axis, std::int64_t extent) const;
  [[nodiscard]] Shape without(std::int64_t axis) const;
  [[nodiscard]] std::string to_string() const;  ///< "[2, 3]"

  friend bool operator==(const Shape& a, const Shape& b) { return a.rank_ == b.rank_ && a.extents_ == b.extents_; }

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  std::size_t rank_ = 0;
  std::int64_t elements_ = 1;
};

/// The shape that both stretch to: extents agree from the last, or one of them is 1.
/// @throws ShapeError naming the operation
Shape broadcast(const Shape& a, const Shape& b, const char* operation);

}  // namespace marquee::tensor::autograd
