#pragma once

#include <cstddef>
#include <string_view>

#include "formats/tokenizers/prefix_trie.h"
#include "formats/tokenizers/subword_model.h"

namespace marquee::formats {

struct WordPieceOptions {
  TokenId unknown = 0;
  std::size_t max_word_chars = 100;  ///< longer words are unknown
};

/// Cuts a word into the longest tokens from left to right; a word that cannot be cut is unknown as a whole.
/// @source arXiv:1810.04805 and the BERT repository's WordpieceTokenizer
class WordPieceModel final : public SubwordModel {
 public:
  /// @param starts the tokens that may begin a word
  /// @param continuations those that may follow, without the prefix that marks them
  WordPieceModel(WordPieceOptions options, PrefixTrie starts, PrefixTrie continuations);

  void encode(std::string_view piece, SubwordScratch& scratch, std::vector<TokenId>& ids) const override;

 private:
  WordPieceOptions options_;
  PrefixTrie starts_;
  PrefixTrie continuations_;
};

}  // namespace marquee::formats
