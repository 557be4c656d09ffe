#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/bags/row_blocks.h"
#include "text/bags/sparse_matrix.h"
#include "text/bags/term_analyser.h"
#include "text/bags/term_weighting.h"
#include "text/bags/vectoriser_options.h"
#include "text/bags/vocabulary.h"

namespace marquee::text::bags {

struct FittedRows;

/// One occurrence of a term that has a column.
struct LocatedTerm {
  std::uint32_t column = 0;
  double share = 0.0;  ///< of the row's value in that column; the shares of a column sum to it
  std::uint32_t first_piece = 0;
  std::uint32_t pieces = 0;
};

/// A document's row, and where in the document each of it comes from.
struct LocatedDocument {
  std::vector<std::uint32_t> columns;  ///< ascending
  std::vector<float> values;
  std::vector<LocatedTerm> terms;
  PieceSources sources;
  std::vector<std::string> term_texts;  ///< of each of `columns`; of a hashed column the first term that met it
};

/// Bag of words: texts become rows of a sparse matrix with a column for each term (or for each hash of one). Immutable
/// once made; any number of threads may ask.
class Vectoriser {
 public:
  /// Learns the vocabulary and the document frequencies. The result does not depend on the number of threads.
  /// @error kInvalidArgument for settings that contradict each other (validate()), for documents without any term and
  ///        for limits that leave none; kTooLarge for a document of more than 16 MiB, or over 268 million terms
  static base::Result<Vectoriser> fit(std::span<const std::string_view> documents, VectoriserOptions options,
                                      base::ThreadPool& pool);
  /// fit() and transform() of the same documents, reading them once.
  static base::Result<FittedRows> fit_transform(std::span<const std::string_view> documents, VectoriserOptions options,
                                                base::ThreadPool& pool);

  /// A row for each document. @error kTooLarge naming a document of more than 16 MiB
  [[nodiscard]] base::Result<CsrMatrix> transform(std::span<const std::string_view> documents,
                                                  base::ThreadPool& pool) const;
  /// The same of one document, with where its terms are. @error kTooLarge as transform
  [[nodiscard]] base::Result<LocatedDocument> locate(std::string_view document) const;

  [[nodiscard]] std::uint32_t columns() const;
  /// The term of a column; empty if columns are hashes. @param column less than columns()
  [[nodiscard]] std::string_view term(std::uint32_t column) const;
  /// How many documents had the term; 0 if that was not asked for (hashed columns without idf).
  [[nodiscard]] std::uint32_t document_count(std::uint32_t column) const;
  [[nodiscard]] double idf(std::uint32_t column) const { return weighting_->idf(column); }
  [[nodiscard]] std::uint64_t documents() const { return documents_; }
  [[nodiscard]] const VectoriserOptions& options() const { return *options_; }

  /// Writes vectoriser.json and vectoriser.safetensors into a folder that exists. @error kIo
  [[nodiscard]] base::Result<void> save(const std::filesystem::path& folder) const;
  /// @error kNotFound, kIo; kCorrupt, kTooLarge or kUnsupported naming the file and what is wrong with it
  static base::Result<Vectoriser> load(const std::filesystem::path& folder);

 private:
  friend class VectoriserFit;
  Vectoriser() = default;
  /// Everything that a vectoriser needs, from what fitting or a file gave.
  static base::Result<Vectoriser> make(VectoriserOptions options, Vocabulary vocabulary, std::uint64_t documents,
                                       std::vector<std::uint32_t> document_counts);
  /// The rows of the documents, counted and in order, by ranges.
  [[nodiscard]] std::vector<RowBlock> count_rows(std::span<const std::string_view> documents,
                                                 std::span<const DocumentRange> ranges, base::ThreadPool& pool) const;
  /// The columns of the document that `analyser` holds, as append_counted takes them.
  void collect_columns(const TermAnalyser& analyser, std::vector<std::uint64_t>& columns) const;
  [[nodiscard]] std::uint64_t hashed_column(std::string_view term) const;
  [[nodiscard]] std::uint64_t column_of(std::string_view term) const;

  std::shared_ptr<const VectoriserOptions> options_;  // shared, so that analysers may refer to it
  std::shared_ptr<const WordSet> stops_;
  Vocabulary vocabulary_;
  std::uint64_t documents_ = 0;
  std::vector<std::uint32_t> document_counts_;
  std::shared_ptr<const TermWeighting> weighting_;
};

struct FittedRows {
  Vectoriser vectoriser;
  CsrMatrix rows;
};

}  // namespace marquee::text::bags
