#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "text/words/random.h"
#include "text/words/row_matrix.h"

namespace marquee::text::words {

/// Parameters of words: a row holds the vector, then the bias; the squares of their gradients follow in the same order,
/// in the row's second half.
struct GloveRows {
  RowMatrix matrix;
  std::size_t dimensions = 0;
  std::size_t half = 0;

  /// Begins with small random numbers, and squares of 1. @error kResourceExhausted
  static base::Result<GloveRows> create(std::size_t words, std::size_t dimensions, SplitMix64 random) {
    GloveRows rows;
    rows.dimensions = dimensions;
    rows.half = (dimensions + 1 + 15) / 16 * 16;
    MARQUEE_ASSIGN(rows.matrix, RowMatrix::create(words, 2 * rows.half));
    const float spread = 1.0F / static_cast<float>(dimensions);
    for (std::size_t word = 0; word < words; ++word) {
      float* row = rows.matrix.row(word);
      for (std::size_t i = 0; i <= dimensions; ++i) row[i] = spread * random.centred();
      std::fill_n(row + rows.half, rows.half, 1.0F);
    }
    return rows;
  }
  [[nodiscard]] float* vector(std::int32_t word) { return matrix.row(static_cast<std::size_t>(word)); }
};

}  // namespace marquee::text::words
