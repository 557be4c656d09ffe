#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizers/prefix_trie.h"

namespace marquee::formats {

/// A token that is found in the text as it stands, before the model sees it.
struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool special = false;      ///< only found where special tokens may be written
  bool single_word = false;  ///< only between characters that are no part of a word
  bool left_strip = false;   ///< takes the whitespace before it along
  bool right_strip = false;  ///< takes the whitespace after it along
  bool normalized = false;   ///< looked for in the normalised text
};

/// A part of a text: an added token, or what lies between two.
struct TextSection {
  std::string_view text;
  TokenId id = -1;  ///< -1: text
};

/// Finds added tokens: the leftmost, and of those the longest.
class AddedTokens {
 public:
  AddedTokens() = default;
  /// @param tokens with contents that are normalised already, all of one kind (`normalized` or not)
  explicit AddedTokens(std::vector<AddedToken> tokens);

  [[nodiscard]] bool empty() const { return tokens_.empty(); }
  /// Appends the sections of `text`, in order and without gaps; nothing for an empty text. Passes over special tokens
  /// unless `parse_special`.
  void split(std::string_view text, bool parse_special, std::vector<TextSection>& sections) const;

 private:
  std::vector<AddedToken> tokens_;
  PrefixTrie trie_;  // to indices of tokens_
};

}  // namespace marquee::formats
