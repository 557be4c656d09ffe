#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/bags/term_table.h"
#include "text/bags/vectoriser.h"

namespace marquee::text::bags {

/// Fitting a vectoriser, step by step: every thread counts its documents into a table of its own; the tables become
/// one; the terms within the limits get columns in their order; the rows' numbers of terms become columns.
class VectoriserFit {
 public:
  /// @param keep_rows whether rows() will be asked for
  VectoriserFit(std::span<const std::string_view> documents, VectoriserOptions options, bool keep_rows,
                base::ThreadPool& pool);
  /// @error as Vectoriser::fit
  base::Result<Vectoriser> run();
  /// The documents' rows, once after run() has succeeded.
  CsrMatrix rows(const Vectoriser& vectoriser);

 private:
  struct Lane {
    TermAnalyser analyser;
    TermTable terms;
    std::vector<std::uint32_t> columns;  // of the table's terms
    bool is_full = false;
  };

  void count_range(std::uint32_t lane_number, std::size_t range);
  void merge_lanes();
  base::Result<std::vector<std::uint32_t>> choose_terms(const TermTable& all) const;
  void sort_terms(const TermTable& all, std::vector<std::uint32_t>& numbers) const;
  void keep_most_frequent(const TermTable& all, std::vector<std::uint32_t>& numbers) const;
  base::Result<Vectoriser> make_vectoriser(const std::vector<std::uint32_t>& numbers);
  base::Result<Vectoriser> fit_hashed();
  void to_columns(RowBlock& block) const;

  std::span<const std::string_view> documents_;
  VectoriserOptions options_;
  bool keep_rows_;
  base::ThreadPool& pool_;
  WordSet stops_;
  std::vector<DocumentRange> ranges_;
  std::vector<Lane> lanes_;
  std::vector<RowBlock> blocks_;
};

}  // namespace marquee::text::bags
