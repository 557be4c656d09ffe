#include "text/bags/vectoriser.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_map>

#include "text/bags/stop_words.h"
#include "text/bags/term_hash.h"
#include "text/bags/vectoriser_fit.h"

namespace marquee::text::bags {

using base::Result;

namespace {

Result<WordSet> all_stops(const VectoriserOptions& options) {
  std::vector<std::string> words = options.stop_words;
  if (!options.stop_language.empty()) {
    MARQUEE_ASSIGN(const auto listed, stop_words(options.stop_language));
    words.insert(words.end(), listed.begin(), listed.end());
  }
  return WordSet(words);
}

constexpr std::uint64_t kNoColumn = ~std::uint64_t{0};

/// What a document has of a column.
struct Occurrences {
  std::string first_term;
  std::int64_t net = 0;  // with signs
  std::int64_t count = 0;
  double value = 0.0;
};

/// What one occurrence gives to the value. Terms of opposite signs that meet in a hashed column take from each other,
/// unless presence alone counts.
double share_of(const Occurrences& all, double sign, bool binary) {
  if (binary) return all.value / static_cast<double>(all.count);
  return all.net == 0 ? 0.0 : sign * all.value / static_cast<double>(all.net);
}

}  // namespace

Result<Vectoriser> Vectoriser::make(VectoriserOptions options, Vocabulary vocabulary, std::uint64_t documents,
                                    std::vector<std::uint32_t> document_counts) {
  MARQUEE_CHECK(options.validate());
  MARQUEE_ASSIGN(WordSet stops, all_stops(options));
  Vectoriser made;
  made.weighting_ = std::make_shared<const TermWeighting>(options, documents, document_counts);
  made.options_ = std::make_shared<const VectoriserOptions>(std::move(options));
  made.stops_ = std::make_shared<const WordSet>(std::move(stops));
  made.vocabulary_ = std::move(vocabulary);
  made.documents_ = documents;
  made.document_counts_ = std::move(document_counts);
  return made;
}

std::uint32_t Vectoriser::columns() const {
  return options_->hash_columns != 0 ? options_->hash_columns : vocabulary_.size();
}

std::string_view Vectoriser::term(std::uint32_t column) const {
  return options_->hash_columns != 0 ? std::string_view() : vocabulary_.term(column);
}

std::uint32_t Vectoriser::document_count(std::uint32_t column) const {
  return document_counts_.empty() ? 0 : document_counts_[column];
}

/// Column << 1 | sign, as scikit-learn's FeatureHasher chooses them.
std::uint64_t Vectoriser::hashed_column(std::string_view term) const {
  const auto hash = static_cast<std::int32_t>(murmur3(term));
  const std::uint64_t magnitude = static_cast<std::uint64_t>(std::abs(static_cast<std::int64_t>(hash)));
  const std::uint64_t negative = options_->alternate_sign && hash < 0 ? 1 : 0;
  return magnitude % options_->hash_columns << 1U | negative;
}

void Vectoriser::collect_columns(const TermAnalyser& analyser, std::vector<std::uint64_t>& columns) const {
  if (options_->hash_columns != 0) {
    analyser.for_each_block([&](std::span<const TermRef> terms) {
      for (const TermRef& ref : terms) columns.push_back(hashed_column(analyser.term(ref)));
    });
    return;
  }
  const std::uint64_t seed = term_hash_seed();
  analyser.for_each_block([&](std::span<const TermRef> terms) {
    std::array<std::uint32_t, TermAnalyser::kBlockTerms> hashes;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      hashes[i] = hash_term(analyser.term(terms[i]), seed);
      vocabulary_.prefetch(hashes[i]);
    }
    for (std::size_t i = 0; i < terms.size(); ++i) {
      const std::uint32_t column = vocabulary_.find(analyser.term(terms[i]), hashes[i]);
      if (column != Vocabulary::kNone) columns.push_back(static_cast<std::uint64_t>(column) << 1U);
    }
  });
}

std::vector<RowBlock> Vectoriser::count_rows(std::span<const std::string_view> documents,
                                             std::span<const DocumentRange> ranges, base::ThreadPool& pool) const {
  struct Lane {
    TermAnalyser analyser;
    std::vector<std::uint64_t> columns;
  };
  std::vector<Lane> lanes;
  for (unsigned i = 0; i < pool.size(); ++i) lanes.push_back({TermAnalyser(*options_, *stops_), {}});
  std::vector<RowBlock> blocks(ranges.size());
  for_each_range(ranges.size(), pool, [&](std::uint32_t lane_number, std::size_t number) {
    Lane& lane = lanes[lane_number];
    RowBlock& block = blocks[number];
    for (std::size_t i = ranges[number].begin; i < ranges[number].end; ++i) {
      const std::size_t before = block.entries.size();
      lane.analyser.analyse(documents[i]);
      collect_columns(lane.analyser, lane.columns);
      append_counted(lane.columns, block.entries);
      block.row_sizes.push_back(static_cast<std::uint32_t>(block.entries.size() - before));
    }
  });
  return blocks;
}

Result<CsrMatrix> Vectoriser::transform(std::span<const std::string_view> documents, base::ThreadPool& pool) const {
  MARQUEE_ASSIGN(const auto ranges, cut_documents(documents));
  return assemble(count_rows(documents, ranges, pool), columns(), *weighting_, pool);
}

Result<Vectoriser> Vectoriser::fit(std::span<const std::string_view> documents, VectoriserOptions options,
                                   base::ThreadPool& pool) {
  return VectoriserFit(documents, std::move(options), false, pool).run();
}

Result<FittedRows> Vectoriser::fit_transform(std::span<const std::string_view> documents, VectoriserOptions options,
                                             base::ThreadPool& pool) {
  VectoriserFit fit(documents, std::move(options), true, pool);
  MARQUEE_ASSIGN(Vectoriser vectoriser, fit.run());
  CsrMatrix rows = fit.rows(vectoriser);
  return FittedRows{std::move(vectoriser), std::move(rows)};
}

std::uint64_t Vectoriser::column_of(std::string_view term) const {
  if (options_->hash_columns != 0) return hashed_column(term);
  const std::uint32_t column = vocabulary_.find(term, hash_term(term, term_hash_seed()));
  return column == Vocabulary::kNone ? kNoColumn : static_cast<std::uint64_t>(column) << 1U;
}

Result<LocatedDocument> Vectoriser::locate(std::string_view document) const {
  MARQUEE_CHECK(cut_documents(std::span(&document, 1)));
  TermAnalyser analyser(*options_, *stops_);
  analyser.analyse(document, true);
  LocatedDocument located;
  std::vector<std::uint64_t> columns;
  std::unordered_map<std::uint32_t, Occurrences> seen;
  analyser.for_each_block([&](std::span<const TermRef> terms) {
    for (const TermRef& ref : terms) {
      const std::uint64_t found = column_of(analyser.term(ref));
      if (found == kNoColumn) continue;
      const auto column = static_cast<std::uint32_t>(found >> 1U);
      const int sign = (found & 1U) == 0 ? 1 : -1;
      columns.push_back(found);
      Occurrences& all = seen.try_emplace(column, Occurrences{std::string(analyser.term(ref))}).first->second;
      all.net += sign;
      ++all.count;
      located.terms.push_back({column, static_cast<double>(sign), ref.first_piece, ref.pieces});
    }
  });
  std::vector<RowEntry> entries;
  append_counted(columns, entries);
  located.values.resize(entries.size());
  weighting_->weigh(entries, located.values.data());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Occurrences& all = seen[entry_column(entries[i])];
    all.value = located.values[i];
    located.columns.push_back(entry_column(entries[i]));
    located.term_texts.push_back(std::move(all.first_term));
  }
  for (LocatedTerm& term : located.terms) term.share = share_of(seen[term.column], term.share, options_->binary);
  located.sources = analyser.sources();
  return located;
}

}  // namespace marquee::text::bags
