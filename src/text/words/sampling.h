#pragma once
// Which words are drawn: as negative samples, and out of the text.

#include <cstdint>
#include <span>
#include <vector>

#include "text/words/random.h"

namespace marquee::text::words {

/// Draws numbers by weight in constant time. @source Walker 1977, built as by Vose 1991
class AliasTable {
 public:
  /// @param weights at least one above 0, none below, at most 2^31 of them
  explicit AliasTable(std::span<const double> weights);

  [[nodiscard]] std::int32_t draw(SplitMix64& random) const {
    const std::uint64_t bits = random.next();
    const auto at = static_cast<std::size_t>(((bits >> 32U) * entries_.size()) >> 32U);
    const Entry& entry = entries_[at];
    return static_cast<std::uint32_t>(bits) <= entry.threshold ? static_cast<std::int32_t>(at) : entry.alias;
  }

 private:
  struct Entry {
    std::uint32_t threshold = 0xFFFFFFFFU;  ///< up to this the entry itself is drawn
    std::int32_t alias = 0;
  };
  std::vector<Entry> entries_;
};

/// The distribution of negative samples: counts^power. @param power 0.75 in the paper @source arXiv:1310.4546
AliasTable negative_table(std::span<const std::uint64_t> counts, double power);

/// For each word what a random number of 32 bits may be at the most for the word to stay in the text: frequent ones are
/// left out often, with probability 1 - (sqrt(f/t) + 1) · t/f, as word2vec has it. @param threshold t; 0: all stay
std::vector<std::uint32_t> keep_thresholds(std::span<const std::uint64_t> counts, double threshold);

}  // namespace marquee::text::words
