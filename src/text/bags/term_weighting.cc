#include "text/bags/term_weighting.h"

#include <cmath>

namespace marquee::text::bags {

TermWeighting::TermWeighting(const VectoriserOptions& options, std::uint64_t documents,
                             const std::vector<std::uint32_t>& document_counts)
    : binary_(options.binary), sublinear_(options.sublinear_tf), norm_(options.norm) {
  for (std::size_t count = 1; count < kFewCounts; ++count) {
    logarithms_[count] = 1.0 + std::log(static_cast<double>(count));
  }
  if (!options.idf) return;
  const double smooth = options.smooth_idf ? 1.0 : 0.0;
  const double all = static_cast<double>(documents) + smooth;
  idf_.reserve(document_counts.size());
  for (const std::uint32_t count : document_counts) idf_.push_back(std::log(all / (count + smooth)) + 1.0);
}

double TermWeighting::weight(RowEntry entry) const {
  const std::int32_t count = binary_ ? 1 : entry_count(entry);
  double value = count;
  if (sublinear_) {
    const bool is_few = count > 0 && static_cast<std::size_t>(count) < kFewCounts;
    value = is_few ? logarithms_[static_cast<std::size_t>(count)] : 1.0 + std::log(value);
  }
  return idf_.empty() ? value : value * idf_[entry_column(entry)];
}

double TermWeighting::row_norm(std::span<const RowEntry> entries) const {
  double sum = 0.0;
  if (norm_ == Norm::kL1) {
    for (const RowEntry entry : entries) sum += std::fabs(weight(entry));
    return sum;
  }
  for (const RowEntry entry : entries) {
    const double value = weight(entry);
    sum += value * value;
  }
  return std::sqrt(sum);
}

void TermWeighting::weigh(std::span<const RowEntry> entries, float* values) const {
  double norm = norm_ == Norm::kNone ? 1.0 : row_norm(entries);
  if (norm == 0.0) norm = 1.0;
  for (std::size_t i = 0; i < entries.size(); ++i) values[i] = static_cast<float>(weight(entries[i]) / norm);
}

}  // namespace marquee::text::bags
