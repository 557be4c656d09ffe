#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "text/bags/vectoriser_options.h"

namespace marquee::text::bags {

/// One term of one row while it is made: column << 32 | count. The count of a hashed column is signed.
using RowEntry = std::uint64_t;

constexpr RowEntry row_entry(std::uint32_t column, std::int32_t count) {
  return static_cast<RowEntry>(column) << 32U | static_cast<std::uint32_t>(count);
}
constexpr std::uint32_t entry_column(RowEntry entry) { return static_cast<std::uint32_t>(entry >> 32U); }
constexpr std::int32_t entry_count(RowEntry entry) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(entry));
}

/// What a count is worth: binary, sublinear, inverse document frequency, the row's norm. Computed in double precision
/// and rounded once. Immutable.
class TermWeighting {
 public:
  /// @param documents how many there were when `document_counts` (one for each column) were taken; used only with idf
  TermWeighting(const VectoriserOptions& options, std::uint64_t documents,
                const std::vector<std::uint32_t>& document_counts);

  /// The values of a row. @param entries columns below those of the counts, each once
  /// @shape values: as entries
  void weigh(std::span<const RowEntry> entries, float* values) const;

  /// ln((documents + 1) / (count + 1)) + 1, or without the ones that smooth; 1 without idf.
  [[nodiscard]] double idf(std::uint32_t column) const { return idf_.empty() ? 1.0 : idf_[column]; }

 private:
  [[nodiscard]] double weight(RowEntry entry) const;
  [[nodiscard]] double row_norm(std::span<const RowEntry> entries) const;

  static constexpr std::size_t kFewCounts = 256;

  bool binary_;
  bool sublinear_;
  Norm norm_;
  std::vector<double> idf_;
  std::array<double, kFewCounts> logarithms_{};  // 1 + ln(count) of the usual counts
};

}  // namespace marquee::text::bags
