#pragma once
// Messages for extents that disagree; for the ops' sources.

#include <cstddef>
#include <string>

#include "base/result.h"
#include "tensor/matrix.h"

namespace marquee::tensor {

inline base::Error extent_mismatch(const char* op, const char* what, std::size_t got, std::size_t wanted) {
  return base::invalid_argument(std::string(op) + ": " + what + " is " + std::to_string(got) + ", not " +
                                std::to_string(wanted));
}

/// @error kInvalidArgument naming the extent unless got == wanted
inline base::Result<void> check_extent(const char* op, const char* what, std::size_t got, std::size_t wanted) {
  if (got != wanted) return extent_mismatch(op, what, got, wanted);
  return {};
}

/// @error kInvalidArgument unless both matrices have the same rows and columns
inline base::Result<void> check_same_shape(const char* op, ConstMatrix x, ConstMatrix y) {
  MARQUEE_CHECK(check_extent(op, "the result's row count", y.rows, x.rows));
  return check_extent(op, "the result's column count", y.cols, x.cols);
}

}  // namespace marquee::tensor
