#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "text/words/huffman.h"
#include "text/words/row_matrix.h"
#include "text/words/sampling.h"
#include "text/words/word2vec.h"

namespace marquee::text::words {

/// Which rows of the inputs a word is the mean of: its own and those of its n-grams.
class InputRows {
 public:
  /// Each word has its own row only.
  explicit InputRows(std::size_t words) : words_(words) {}
  /// Rows of n-grams follow those of the words, in the order of buckets().
  InputRows(const Vocabulary& vocabulary, const SubwordSettings& settings);

  [[nodiscard]] bool has_subwords() const { return !starts_.empty(); }
  [[nodiscard]] std::size_t rows() const { return words_ + buckets_.size(); }
  /// Only if has_subwords().
  [[nodiscard]] std::span<const std::int32_t> of(std::int32_t word) const {
    const auto at = static_cast<std::size_t>(word);
    return {rows_.data() + starts_[at], starts_[at + 1] - starts_[at]};
  }
  [[nodiscard]] std::span<const std::uint32_t> buckets() const { return buckets_; }

 private:
  std::size_t words_;
  std::vector<std::uint32_t> buckets_;
  std::vector<std::size_t> starts_;
  std::vector<std::int32_t> rows_;
};

/// What the threads of a training share.
struct Word2VecParameters {
  Word2VecSettings settings;
  InputRows input_rows;
  RowMatrix inputs = {};   ///< [words and n-grams, dimensions]
  RowMatrix outputs = {};  ///< [words, or inner nodes of the tree, dimensions]
  std::vector<std::uint32_t> keep = {};
  std::optional<AliasTable> negatives = {};
  std::optional<HuffmanTree> tree = {};

  /// Begins with small random inputs and outputs of zero. @error kResourceExhausted
  static base::Result<Word2VecParameters> create(const Vocabulary& vocabulary, const Word2VecSettings& settings);
};

}  // namespace marquee::text::words
