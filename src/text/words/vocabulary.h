#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/words/text_source.h"
#include "text/words/word_splitter.h"
#include "text/words/word_table.h"

namespace marquee::text::words {

struct VocabularySettings {
  std::uint64_t min_count = 5;        ///< rarer words are left out; at least 1
  std::size_t max_words = 1'000'000;  ///< the most frequent ones stay; in [1, 2^28]
  /// While counting: when there are more different words, those seen least so far are forgotten, as word2vec does.
  std::size_t max_distinct = 16'000'000;  ///< in [1000, 2^30]
};

/// Words by falling frequency, ties in the order in which they came.
class Vocabulary {
 public:
  /// Reads all of `source` once.
  /// @param cancel may be null
  /// @error kInvalidArgument by field; kFailedPrecondition if no word is left, or only one; kCancelled; else the
  /// source's
  static base::Result<Vocabulary> count(TextSource& source, const SplitSettings& split,
                                        const VocabularySettings& settings, const std::atomic<bool>* cancel = nullptr);

  [[nodiscard]] std::size_t size() const { return counts_.size(); }
  [[nodiscard]] std::int32_t find(std::string_view word) const { return table_.find(word); }
  [[nodiscard]] std::string_view word(std::int32_t id) const { return table_.word(id); }
  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }
  /// Words of the text that the vocabulary has, all together.
  [[nodiscard]] std::uint64_t total() const { return total_; }
  /// Words of the text, the left out ones too.
  [[nodiscard]] std::uint64_t read() const { return read_; }
  [[nodiscard]] const SplitSettings& split() const { return split_; }
  /// Of words and counts: training goes on from a saved state only with the same.
  [[nodiscard]] std::uint64_t fingerprint() const;

 private:
  friend class WordCounter;
  WordTable table_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::uint64_t read_ = 0;
  SplitSettings split_;
};

}  // namespace marquee::text::words
