#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/words/row_matrix.h"
#include "text/words/subwords.h"

namespace marquee::text::words {

/// Learnt vectors of n-grams, of which words that training never saw are made. Buckets that no word of the text fell
/// into are not kept: they hold nothing that was learnt.
class SubwordVectors {
 public:
  /// @shape vectors: [buckets.size(), dimensions]; buckets rise
  /// @error kCorrupt if sizes or the order of buckets are wrong, kInvalidArgument if settings are out of range or a
  /// vector is
  ///        not finite
  static base::Result<SubwordVectors> create(const SubwordSettings& settings, std::vector<std::uint32_t> buckets,
                                             RowMatrix vectors);

  /// The mean of the vectors of the word's n-grams. @shape out: [dimensions]
  /// @return false if none of them was ever seen; out is zeros then
  bool compose(std::string_view word, std::span<float> out) const;

  [[nodiscard]] const SubwordSettings& settings() const { return settings_; }
  [[nodiscard]] std::span<const std::uint32_t> buckets() const { return buckets_; }
  [[nodiscard]] const RowMatrix& vectors() const { return vectors_; }

 private:
  SubwordVectors() = default;

  SubwordSettings settings_;
  std::vector<std::uint32_t> buckets_;
  RowMatrix vectors_;
};

/// @error kInvalidArgument by field
base::Result<void> check_subword_settings(const SubwordSettings& settings);

}  // namespace marquee::text::words
