#include "tensor/autograd/shape.h"

#include <algorithm>
#include <vector>

namespace marquee::tensor::autograd {
namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 40;

}  // namespace

Shape::Shape(std::span<const std::int64_t> extents) : rank_(extents.size()) {
  if (rank_ > kMaxRank) throw ShapeError("a tensor has at most 6 axes");
  for (std::size_t i = 0; i < rank_; ++i) {
    const std::int64_t extent = extents[i];
    if (extent < 0) throw ShapeError("an extent is negative");
    if (extent >= kMostElements || (extent > 0 && elements_ >= kMostElements / extent)) {
      throw ShapeError("a tensor has fewer than 2^40 elements");
    }
    extents_[i] = extent;
    elements_ *= extent;
  }
}

std::size_t Shape::axis_index(std::int64_t axis) const {
  const std::int64_t from_front = axis < 0 ? axis + static_cast<std::int64_t>(rank_) : axis;
  if (from_front < 0 || from_front >= static_cast<std::int64_t>(rank_)) {
    throw ShapeError("there is no axis " + std::to_string(axis) + " in " + to_string());
  }
  return static_cast<std::size_t>(from_front);
}

std::int64_t Shape::outer(std::size_t axis) const {
  std::int64_t count = 1;
  for (std::size_t i = 0; i < axis; ++i) count *= extents_[i];
  return count;
}

std::int64_t Shape::inner(std::size_t axis) const {
  std::int64_t count = 1;
  for (std::size_t i = axis + 1; i < rank_; ++i) count *= extents_[i];
  return count;
}

Shape Shape::with(std::int64_t axis, std::int64_t extent) const {
  std::vector<std::int64_t> changed(extents().begin(), extents().end());
  changed[axis_index(axis)] = extent;
  return Shape(changed);
}

Shape Shape::without(std::int64_t axis) const {
  std::vector<std::int64_t> changed(extents().begin(), extents().end());
  changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(axis_index(axis)));
  return Shape(changed);
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (std::size_t i = 0; i < rank_; ++i) text += (i == 0 ? "" : ", ") + std::to_string(extents_[i]);
  return text + "]";
}

Shape broadcast(const Shape& a, const Shape& b, const char* operation) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> extents(rank);
  for (std::size_t i = 0; i < rank; ++i) {  // i counts from the last
    const std::int64_t from_a = i < a.rank() ? a.extents()[a.rank() - 1 - i] : 1;
    const std::int64_t from_b = i < b.rank() ? b.extents()[b.rank() - 1 - i] : 1;
    if (from_a != from_b && from_a != 1 && from_b != 1) {
      throw ShapeError(std::string(operation) + ": " + a.to_string() + " and " + b.to_string() + " do not fit");
    }
    extents[rank - 1 - i] = from_a == 1 ? from_b : from_a;
  }
  return Shape(extents);
}

}  // namespace marquee::tensor::autograd
