#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/bags/sparse_matrix.h"
#include "text/bags/term_weighting.h"

namespace marquee::text::bags {

/// Rows of consecutive documents while they are made.
struct RowBlock {
  std::vector<RowEntry> entries;
  std::vector<std::uint32_t> row_sizes;
  std::uint32_t lane = 0;  ///< which of the threads made it
};

/// Documents [begin, end) that one thread takes at a time.
struct DocumentRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Cuts documents into pieces of work of about the same number of bytes.
/// @error kTooLarge naming a document of more than TermAnalyser::kMaxDocumentBytes, or if there are 2^32 - 1 or more
base::Result<std::vector<DocumentRange>> cut_documents(std::span<const std::string_view> documents);

/// Calls work(lane, range number) for every range, each lane on one thread at a time, lanes numbered from 0 to
/// pool.size() - 1. Which lane gets a range is up to chance.
template <typename Work>
void for_each_range(std::size_t ranges, base::ThreadPool& pool, Work&& work) {
  std::atomic<std::size_t> next{0};
  pool.parallel_for(pool.size(), [&](std::size_t lane) {
    for (std::size_t i = next++; i < ranges; i = next++) work(static_cast<std::uint32_t>(lane), i);
  });
}

/// Puts a document's columns, in any order and as often as they came, in ascending order and counts them. A hashed
/// column comes as column << 1 | (1 if it counts negative); the result has one entry for each column.
void append_counted(std::vector<std::uint64_t>& hashed_columns, std::vector<RowEntry>& entries);

/// The matrix of all rows, whose columns ascend already. Gives back the blocks' memory as it goes.
CsrMatrix assemble(std::vector<RowBlock> blocks, std::uint32_t columns, const TermWeighting& weighting,
                   base::ThreadPool& pool);

}  // namespace marquee::text::bags
