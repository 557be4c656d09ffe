#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/tokenizers/prefix_trie.h"
#include "formats/tokenizers/subword_model.h"

namespace marquee::formats {

struct UnigramOptions {
  TokenId unknown = 0;
  double unknown_score = 0;  ///< of one code point that no token covers
  /// Sums are rounded to 32 bits, as SentencePiece keeps them: of ways that are equally good it then takes the same.
  bool single_precision = false;
  std::optional<std::array<TokenId, 256>> byte_tokens;
};

/// The most likely segmentation of a piece under a unigram model (arXiv:1804.10959), found by Viterbi's algorithm in
/// O(bytes × longest token). Neighbouring unknown code points become one unknown token, or their bytes' tokens.
class UnigramModel final : public SubwordModel {
 public:
  /// @param tokens those that text may become
  /// @param scores log probabilities, by id
  UnigramModel(UnigramOptions options, PrefixTrie tokens, std::vector<double> scores);

  void encode(std::string_view piece, SubwordScratch& scratch, std::vector<TokenId>& ids) const override;

  /// What Hugging Face and SentencePiece subtract from the lowest score for an unknown code point.
  static constexpr double kUnknownPenalty = 10.0;

 private:
  void search(std::string_view piece, std::vector<SubwordScratch::PathNode>& path) const;

  UnigramOptions options_;
  PrefixTrie tokens_;
  std::vector<double> scores_;
};

}  // namespace marquee::formats
