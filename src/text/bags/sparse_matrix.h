#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace marquee::text::bags {

/// What a row holds: columns ascending, each once, and a value for each.
struct SparseRow {
  std::span<const std::uint32_t> columns;
  std::span<const float> values;

  [[nodiscard]] std::size_t size() const { return columns.size(); }
};

/// A sparse matrix in compressed rows: row i is [row_offsets[i], row_offsets[i + 1]) of column_ids and values. The
/// columns of a row ascend; a value may be 0.
struct CsrMatrix {
  std::uint32_t columns = 0;
  std::vector<std::uint64_t> row_offsets = {0};
  std::vector<std::uint32_t> column_ids;
  std::vector<float> values;

  [[nodiscard]] std::size_t rows() const { return row_offsets.size() - 1; }
  [[nodiscard]] std::size_t size() const { return column_ids.size(); }
  /// @param i less than rows()
  [[nodiscard]] SparseRow row(std::size_t i) const {
    const auto begin = static_cast<std::size_t>(row_offsets[i]);
    const auto length = static_cast<std::size_t>(row_offsets[i + 1]) - begin;
    return {std::span(column_ids).subspan(begin, length), std::span(values).subspan(begin, length)};
  }
};

/// The same numbers by column: what is a row of the result was a column.
/// @param matrix fewer than 2^32 rows
CsrMatrix transpose(const CsrMatrix& matrix);

/// A matrix without its empty columns, and which column each of the others was.
struct CompactMatrix {
  CsrMatrix matrix;
  std::vector<std::uint32_t> columns;
};
/// Of columns by hash most may be empty: what has a number for each column is then much smaller.
CompactMatrix drop_empty_columns(const CsrMatrix& matrix);

/// out = matrix * dense, in double precision. Each number of out is summed in the order of the row's columns, whatever
/// the number of threads.
/// @shape dense: [matrix.columns, width]; out: [matrix.rows(), width]; both row-major; width at least 1
void multiply(const CsrMatrix& matrix, std::span<const double> dense, std::size_t width, std::span<double> out,
              base::ThreadPool& pool);

/// The rows of a matrix that `wanted` names, in its order, for a split into parts.
/// @param wanted each less than matrix.rows()
CsrMatrix select_rows(const CsrMatrix& matrix, std::span<const std::size_t> wanted);

}  // namespace marquee::text::bags
