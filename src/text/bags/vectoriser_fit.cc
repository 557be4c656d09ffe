#include "text/bags/vectoriser_fit.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

namespace marquee::text::bags {

using base::Result;

namespace {

/// A term's first bytes as a number, so that most comparisons need not read the term.
struct SortKey {
  std::uint64_t first = 0;
  std::uint32_t number = 0;
};

std::uint64_t first_bytes(std::string_view term) {
  std::uint64_t word = 0;
  std::memcpy(&word, term.data(), std::min(term.size(), sizeof(word)));
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

/// The number of documents that a limit stands for.
double limit_of(const DocumentShare& share, std::size_t documents) {
  return share.is_fraction ? share.value * static_cast<double>(documents) : share.value;
}

base::Error no_terms(const char* problem) { return base::invalid_argument(problem); }

}  // namespace

VectoriserFit::VectoriserFit(std::span<const std::string_view> documents, VectoriserOptions options, bool keep_rows,
                             base::ThreadPool& pool)
    : documents_(documents), options_(std::move(options)), keep_rows_(keep_rows), pool_(pool) {}

Result<Vectoriser> VectoriserFit::run() {
  // The final form first: it checks the options and knows the stop words.
  MARQUEE_ASSIGN(const Vectoriser empty, Vectoriser::make(options_, {}, 0, {}));
  stops_ = *empty.stops_;
  MARQUEE_ASSIGN(ranges_, cut_documents(documents_));
  if (options_.hash_columns != 0) return fit_hashed();
  for (unsigned i = 0; i < pool_.size(); ++i) lanes_.push_back({TermAnalyser(options_, stops_), {}, {}, false});
  blocks_.resize(keep_rows_ ? ranges_.size() : 0);
  for_each_range(ranges_.size(), pool_, [this](std::uint32_t lane, std::size_t range) { count_range(lane, range); });
  for (const Lane& lane : lanes_) {
    if (!lane.is_full) continue;
    return base::Error{base::ErrorCode::kTooLarge,
                       "the documents have more than 268,435,456 different terms; use hash_columns or shorter n-grams"};
  }
  merge_lanes();
  MARQUEE_ASSIGN(const auto numbers, choose_terms(lanes_[0].terms));
  return make_vectoriser(numbers);
}

void VectoriserFit::count_range(std::uint32_t lane_number, std::size_t range) {
  const std::uint64_t seed = term_hash_seed();
  Lane& lane = lanes_[lane_number];
  RowBlock block;
  block.lane = lane_number;
  for (std::size_t i = ranges_[range].begin; i < ranges_[range].end && !lane.is_full; ++i) {
    const auto document = static_cast<std::uint32_t>(i);
    const std::size_t row = block.entries.size();
    lane.analyser.analyse(documents_[i]);
    lane.analyser.for_each_block([&](std::span<const TermRef> terms) {
      std::array<std::uint32_t, TermAnalyser::kBlockTerms> hashes;
      for (std::size_t j = 0; j < terms.size(); ++j) {
        hashes[j] = hash_term(lane.analyser.term(terms[j]), seed);
        lane.terms.prefetch(hashes[j]);
      }
      for (std::size_t j = 0; j < terms.size(); ++j) {
        const std::uint32_t number = lane.terms.find_or_add(lane.analyser.term(terms[j]), hashes[j]);
        if (number == TermTable::kNone) {
          lane.is_full = true;
          return;
        }
        TermTable::Term& term = lane.terms.term(number);
        ++term.occurrences;
        if (term.last_document != document) {
          term.last_document = document;
          ++term.documents;
          if (!keep_rows_) continue;
          term.position = static_cast<std::uint32_t>(block.entries.size() - row);
          block.entries.push_back(row_entry(number, 1));
        } else if (keep_rows_) {
          ++block.entries[row + term.position];
        }
      }
    });
    block.row_sizes.push_back(static_cast<std::uint32_t>(block.entries.size() - row));
  }
  if (keep_rows_) blocks_[range] = std::move(block);
}

/// All terms into the first lane's table; every lane's `columns` then hold the numbers there.
void VectoriserFit::merge_lanes() {
  Lane& all = lanes_[0];
  for (std::size_t i = 1; i < lanes_.size(); ++i) lanes_[i].columns = all.terms.merge(std::move(lanes_[i].terms));
  all.columns.resize(all.terms.size());
  std::iota(all.columns.begin(), all.columns.end(), 0U);
}

/// The numbers of the terms within the limits, in the terms' order.
Result<std::vector<std::uint32_t>> VectoriserFit::choose_terms(const TermTable& all) const {
  if (all.size() == 0) {
    return no_terms("the documents hold no term: they are empty, or of words that are too short or on the stop list");
  }
  const double most = limit_of(options_.max_df, documents_.size());
  const double least = limit_of(options_.min_df, documents_.size());
  if (most < least) return base::invalid_argument("max_df stands for fewer documents than min_df", "max_df");
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    const double documents = all.term(i).documents;
    if (documents >= least && documents <= most) numbers.push_back(i);
  }
  if (numbers.empty()) return no_terms("no term is within min_df and max_df; lower min_df or raise max_df");
  sort_terms(all, numbers);
  if (options_.max_features != 0 && numbers.size() > options_.max_features) keep_most_frequent(all, numbers);
  return numbers;
}

void VectoriserFit::sort_terms(const TermTable& all, std::vector<std::uint32_t>& numbers) const {
  std::vector<SortKey> keys(numbers.size());
  const std::size_t parts = std::bit_ceil(std::size_t{pool_.size()});
  const auto bound = [&](std::size_t part) {
    return keys.begin() + static_cast<std::ptrdiff_t>(keys.size() * part / parts);
  };
  const auto before = [&all](const SortKey& a, const SortKey& b) {
    if (a.first != b.first) return a.first < b.first;
    return all.term(a.number).view() < all.term(b.number).view();
  };
  pool_.parallel_for(parts, [&](std::size_t part) {
    for (auto key = bound(part); key != bound(part + 1); ++key) {
      key->number = numbers[static_cast<std::size_t>(key - keys.begin())];
      key->first = first_bytes(all.term(key->number).view());
    }
    std::sort(bound(part), bound(part + 1), before);
  });
  for (std::size_t width = 1; width < parts; width *= 2) {
    pool_.parallel_for(parts / (2 * width), [&](std::size_t pair) {
      const std::size_t part = pair * 2 * width;
      std::inplace_merge(bound(part), bound(part + width), bound(part + 2 * width), before);
    });
  }
  std::transform(keys.begin(), keys.end(), numbers.begin(), [](const SortKey& key) { return key.number; });
}

void VectoriserFit::keep_most_frequent(const TermTable& all, std::vector<std::uint32_t>& numbers) const {
  const auto frequency = [&](std::uint32_t number) {
    return options_.binary ? all.term(number).documents : all.term(number).occurrences;
  };
  std::vector<std::uint32_t> places(numbers.size());
  std::iota(places.begin(), places.end(), 0U);
  const auto is_kept_before = [&](std::uint32_t a, std::uint32_t b) {
    const auto of_a = frequency(numbers[a]);
    const auto of_b = frequency(numbers[b]);
    return of_a != of_b ? of_a > of_b : a < b;
  };
  const auto end = places.begin() + options_.max_features;
  std::nth_element(places.begin(), end, places.end(), is_kept_before);
  places.erase(end, places.end());
  std::sort(places.begin(), places.end());
  for (std::uint32_t& place : places) place = numbers[place];
  numbers = std::move(places);
}

Result<Vectoriser> VectoriserFit::make_vectoriser(const std::vector<std::uint32_t>& numbers) {
  const TermTable& all = lanes_[0].terms;
  std::size_t bytes = 0;
  for (const std::uint32_t number : numbers) bytes += all.term(number).bytes;
  std::string text;
  text.reserve(bytes);
  std::vector<std::uint32_t> lengths;
  std::vector<std::uint32_t> counts;
  lengths.reserve(numbers.size());
  counts.reserve(numbers.size());
  std::vector<std::uint32_t> column_of(all.size(), TermTable::kNone);
  for (const std::uint32_t number : numbers) {
    const TermTable::Term& term = all.term(number);
    column_of[number] = static_cast<std::uint32_t>(lengths.size());
    text += term.view();
    lengths.push_back(term.bytes);
    counts.push_back(term.documents);
  }
  for (Lane& lane : lanes_) {
    for (std::uint32_t& column : lane.columns) column = column_of[column];
    lane.terms = TermTable();
  }
  MARQUEE_ASSIGN(auto vocabulary, Vocabulary::make(std::move(text), std::move(lengths)));
  return Vectoriser::make(std::move(options_), std::move(vocabulary), documents_.size(), std::move(counts));
}

/// Numbers of terms become columns, in order; terms without one go.
void VectoriserFit::to_columns(RowBlock& block) const {
  const std::vector<std::uint32_t>& columns = lanes_[block.lane].columns;
  std::size_t from = 0;
  std::size_t to = 0;
  for (std::uint32_t& size : block.row_sizes) {
    const std::size_t begin = to;
    for (const std::size_t end = from + size; from < end; ++from) {
      const std::uint32_t column = columns[entry_column(block.entries[from])];
      if (column != TermTable::kNone) block.entries[to++] = row_entry(column, entry_count(block.entries[from]));
    }
    std::sort(block.entries.begin() + static_cast<std::ptrdiff_t>(begin),
              block.entries.begin() + static_cast<std::ptrdiff_t>(to));
    size = static_cast<std::uint32_t>(to - begin);
  }
  block.entries.resize(to);
}

CsrMatrix VectoriserFit::rows(const Vectoriser& vectoriser) {
  if (vectoriser.options().hash_columns == 0) {
    pool_.parallel_for(blocks_.size(), [this](std::size_t i) { to_columns(blocks_[i]); });
  }
  return assemble(std::move(blocks_), vectoriser.columns(), *vectoriser.weighting_, pool_);
}

/// Columns by hash need no vocabulary, and no look at the documents either unless they are weighed by frequency.
Result<Vectoriser> VectoriserFit::fit_hashed() {
  std::vector<std::uint32_t> counts;
  if (options_.idf || keep_rows_) {
    MARQUEE_ASSIGN(const Vectoriser counting, Vectoriser::make(options_, {}, documents_.size(), {}));
    blocks_ = counting.count_rows(documents_, ranges_, pool_);
  }
  if (options_.idf) {
    counts.resize(options_.hash_columns);
    for (const RowBlock& block : blocks_) {
      for (const RowEntry entry : block.entries) ++counts[entry_column(entry)];
    }
  }
  return Vectoriser::make(std::move(options_), {}, documents_.size(), std::move(counts));
}

}  // namespace marquee::text::bags
