#include "text/bags/sparse_matrix.h"

#include <algorithm>

namespace marquee::text::bags {
namespace {

// Rows of one piece of work: long enough to be worth handing out, short enough that the frequent words, whose columns
// are long, spread over the threads.
constexpr std::size_t kRowsPerPiece = 512;

/// Four sums at a time, so that additions do not wait for each other.
double row_times(SparseRow row, const double* dense) {
  double sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= row.size(); i += 4) {
    for (std::size_t j = 0; j < 4; ++j) sums[j] += static_cast<double>(row.values[i + j]) * dense[row.columns[i + j]];
  }
  for (; i < row.size(); ++i) sums[0] += static_cast<double>(row.values[i]) * dense[row.columns[i]];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void add_rows(SparseRow row, const double* dense, std::size_t width, double* out) {
  std::fill_n(out, width, 0.0);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double value = row.values[i];
    const double* from = dense + static_cast<std::size_t>(row.columns[i]) * width;
    for (std::size_t k = 0; k < width; ++k) out[k] += value * from[k];
  }
}

}  // namespace

CsrMatrix transpose(const CsrMatrix& matrix) {
  CsrMatrix result;
  result.columns = static_cast<std::uint32_t>(matrix.rows());
  result.row_offsets.assign(static_cast<std::size_t>(matrix.columns) + 1, 0);
  for (const std::uint32_t column : matrix.column_ids) ++result.row_offsets[column + std::size_t{1}];
  for (std::size_t i = 1; i < result.row_offsets.size(); ++i) result.row_offsets[i] += result.row_offsets[i - 1];
  result.column_ids.resize(matrix.size());
  result.values.resize(matrix.size());
  std::vector<std::uint64_t> next(result.row_offsets.begin(), result.row_offsets.end() - 1);
  for (std::size_t i = 0; i < matrix.rows(); ++i) {
    const SparseRow row = matrix.row(i);
    for (std::size_t j = 0; j < row.size(); ++j) {
      const auto at = static_cast<std::size_t>(next[row.columns[j]]++);
      result.column_ids[at] = static_cast<std::uint32_t>(i);
      result.values[at] = row.values[j];
    }
  }
  return result;
}

void multiply(const CsrMatrix& matrix, std::span<const double> dense, std::size_t width, std::span<double> out,
              base::ThreadPool& pool) {
  const std::size_t rows = matrix.rows();
  pool.parallel_for((rows + kRowsPerPiece - 1) / kRowsPerPiece, [&](std::size_t piece) {
    const std::size_t end = std::min(rows, (piece + 1) * kRowsPerPiece);
    for (std::size_t i = piece * kRowsPerPiece; i < end; ++i) {
      if (width == 1) {
        out[i] = row_times(matrix.row(i), dense.data());
      } else {
        add_rows(matrix.row(i), dense.data(), width, out.data() + i * width);
      }
    }
  });
}

CompactMatrix drop_empty_columns(const CsrMatrix& matrix) {
  CompactMatrix result;
  std::vector<std::uint32_t> place(matrix.columns);
  for (const std::uint32_t column : matrix.column_ids) place[column] = 1;
  for (std::uint32_t column = 0; column < matrix.columns; ++column) {
    if (place[column] == 0) continue;
    place[column] = static_cast<std::uint32_t>(result.columns.size());
    result.columns.push_back(column);
  }
  result.matrix = matrix;
  result.matrix.columns = static_cast<std::uint32_t>(result.columns.size());
  for (std::uint32_t& column : result.matrix.column_ids) column = place[column];
  return result;
}

CsrMatrix select_rows(const CsrMatrix& matrix, std::span<const std::size_t> wanted) {
  CsrMatrix result;
  result.columns = matrix.columns;
  for (const std::size_t i : wanted) {
    const SparseRow row = matrix.row(i);
    result.column_ids.insert(result.column_ids.end(), row.columns.begin(), row.columns.end());
    result.values.insert(result.values.end(), row.values.begin(), row.values.end());
    result.row_offsets.push_back(result.column_ids.size());
  }
  return result;
}

}  // namespace marquee::text::bags
