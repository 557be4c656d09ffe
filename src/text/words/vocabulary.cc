#include "text/words/vocabulary.h"

#include <xxhash.h>

#include <algorithm>
#include <numeric>

namespace marquee::text::words {

using base::Result;

/// Counts words, and forgets the rarest when there are too many.
class WordCounter {
 public:
  explicit WordCounter(std::size_t max_distinct) : max_distinct_(max_distinct) {}

  void count(std::string_view word) {
    const auto id = static_cast<std::size_t>(table_.add(word));
    if (id == counts_.size()) counts_.push_back(0);
    ++counts_[id];
    ++read_;
    if (counts_.size() > max_distinct_) forget_rarest();
  }

  Vocabulary finish(const VocabularySettings& settings, const SplitSettings& split) const {
    std::vector<std::int32_t> order(counts_.size());
    std::iota(order.begin(), order.end(), 0);
    std::erase_if(order, [&](std::int32_t id) { return count_of(id) < settings.min_count; });
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return count_of(a) > count_of(b); });
    if (order.size() > settings.max_words) order.resize(settings.max_words);
    Vocabulary vocabulary;
    vocabulary.table_.reserve(order.size());
    for (const std::int32_t id : order) {
      vocabulary.table_.add(table_.word(id));
      vocabulary.counts_.push_back(count_of(id));
      vocabulary.total_ += count_of(id);
    }
    vocabulary.read_ = read_;
    vocabulary.split_ = split;
    return vocabulary;
  }

 private:
  [[nodiscard]] std::uint64_t count_of(std::int32_t id) const { return counts_[static_cast<std::size_t>(id)]; }

  /// Keeps at most half of them, so that it is done seldom.
  void forget_rarest() {
    while (counts_.size() > max_distinct_ / 2) {
      ++forgotten_count_;
      WordTable kept;
      std::vector<std::uint64_t> counts;
      for (std::size_t id = 0; id < counts_.size(); ++id) {
        if (counts_[id] <= forgotten_count_) continue;
        kept.add(table_.word(static_cast<std::int32_t>(id)));
        counts.push_back(counts_[id]);
      }
      table_ = std::move(kept);
      counts_ = std::move(counts);
    }
  }

  std::size_t max_distinct_;
  std::uint64_t forgotten_count_ = 0;
  std::uint64_t read_ = 0;
  WordTable table_;
  std::vector<std::uint64_t> counts_;
};

namespace {

Result<void> check(const VocabularySettings& settings) {
  if (settings.min_count < 1) return base::invalid_argument("min_count must be at least 1", "min_count");
  if (settings.max_words < 1 || settings.max_words > (std::size_t{1} << 28U)) {
    return base::invalid_argument("max_words must lie between 1 and 2^28", "max_words");
  }
  if (settings.max_distinct < 1000 || settings.max_distinct > WordTable::kMaxWords) {
    return base::invalid_argument("max_distinct must lie between 1000 and 2^30", "max_distinct");
  }
  return {};
}

}  // namespace

Result<Vocabulary> Vocabulary::count(TextSource& source, const SplitSettings& split, const VocabularySettings& settings,
                                     const std::atomic<bool>* cancel) {
  MARQUEE_CHECK(check(settings));
  MARQUEE_CHECK(source.rewind());
  WordSplitter splitter(split);
  WordCounter counter(settings.max_distinct);
  while (true) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      return base::Error{base::ErrorCode::kCancelled, "cancelled while words were counted"};
    }
    MARQUEE_ASSIGN(const auto line, source.next());
    if (!line) break;
    MARQUEE_ASSIGN(const auto words, splitter.split(line->text, source));
    for (const std::string_view word : words) counter.count(word);
  }
  Vocabulary vocabulary = counter.finish(settings, split);
  if (vocabulary.size() < 2) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       "of " + std::to_string(vocabulary.read()) + " words of the text only " +
                           std::to_string(vocabulary.size()) + " different ones come " +
                           std::to_string(settings.min_count) +
                           " times or more, and there must be two; give more text or a smaller min_count",
                       "min_count"};
  }
  return vocabulary;
}

std::uint64_t Vocabulary::fingerprint() const {
  std::uint64_t hash = XXH3_64bits(counts_.data(), counts_.size() * sizeof counts_[0]);
  for (std::size_t id = 0; id < size(); ++id) {
    const std::string_view text = word(static_cast<std::int32_t>(id));
    hash = XXH3_64bits_withSeed(text.data(), text.size(), hash);
  }
  return hash;
}

}  // namespace marquee::text::words
