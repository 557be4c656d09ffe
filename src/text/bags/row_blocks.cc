#include "text/bags/row_blocks.h"

#include <algorithm>
#include <string>

#include "text/bags/term_analyser.h"

namespace marquee::text::bags {

using base::Result;

namespace {

constexpr std::size_t kRangeBytes = std::size_t{256} << 10U;
constexpr std::size_t kRangeDocuments = 4096;

}  // namespace

Result<std::vector<DocumentRange>> cut_documents(std::span<const std::string_view> documents) {
  if (documents.size() >= ~0U) {
    return base::Error{base::ErrorCode::kTooLarge, "there are more documents than 4,294,967,294; leave some out"};
  }
  std::vector<DocumentRange> ranges;
  std::size_t bytes = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (documents[i].size() > TermAnalyser::kMaxDocumentBytes) {
      return base::Error{base::ErrorCode::kTooLarge, "document " + std::to_string(i) + " has " +
                                                         std::to_string(documents[i].size()) + " bytes; the most is " +
                                                         std::to_string(TermAnalyser::kMaxDocumentBytes) +
                                                         ": cut it into several"};
    }
    bytes += documents[i].size();
    if (bytes < kRangeBytes && i + 1 - begin < kRangeDocuments && i + 1 < documents.size()) continue;
    ranges.push_back({begin, i + 1});
    begin = i + 1;
    bytes = 0;
  }
  return ranges;
}

void append_counted(std::vector<std::uint64_t>& hashed_columns, std::vector<RowEntry>& entries) {
  std::sort(hashed_columns.begin(), hashed_columns.end());
  for (std::size_t i = 0; i < hashed_columns.size();) {
    const std::uint64_t column = hashed_columns[i] >> 1U;
    std::int32_t count = 0;
    for (; i < hashed_columns.size() && hashed_columns[i] >> 1U == column; ++i) {
      count += (hashed_columns[i] & 1U) == 0 ? 1 : -1;
    }
    entries.push_back(row_entry(static_cast<std::uint32_t>(column), count));
  }
  hashed_columns.clear();
}

CsrMatrix assemble(std::vector<RowBlock> blocks, std::uint32_t columns, const TermWeighting& weighting,
                   base::ThreadPool& pool) {
  CsrMatrix matrix;
  matrix.columns = columns;
  std::vector<std::size_t> first_row;
  std::size_t rows = 0;
  for (const RowBlock& block : blocks) {
    first_row.push_back(rows);
    rows += block.row_sizes.size();
  }
  matrix.row_offsets.reserve(rows + 1);
  for (const RowBlock& block : blocks) {
    for (const std::uint32_t size : block.row_sizes) matrix.row_offsets.push_back(matrix.row_offsets.back() + size);
  }
  matrix.column_ids.resize(static_cast<std::size_t>(matrix.row_offsets.back()));
  matrix.values.resize(matrix.column_ids.size());
  pool.parallel_for(blocks.size(), [&](std::size_t number) {
    const RowBlock block = std::move(blocks[number]);
    auto at = static_cast<std::size_t>(matrix.row_offsets[first_row[number]]);
    std::size_t from = 0;
    for (const std::uint32_t size : block.row_sizes) {
      const auto row = std::span(block.entries).subspan(from, size);
      std::transform(row.begin(), row.end(), matrix.column_ids.begin() + static_cast<std::ptrdiff_t>(at), entry_column);
      weighting.weigh(row, matrix.values.data() + at);
      from += size;
      at += size;
    }
  });
  return matrix;
}

}  // namespace marquee::text::bags
