#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizers/merge_table.h"
#include "formats/tokenizers/neighbour_set.h"
#include "formats/tokenizers/subword_model.h"
#include "formats/tokenizers/vocabulary.h"

namespace marquee::formats {

struct BpeOptions {
  bool byte_level = false;         ///< text is cut into bytes at first, not into code points
  bool ignore_merges = false;      ///< a piece that is a token is that token, whatever the merges say
  bool fuse_unknown = false;       ///< neighbouring unknown code points give one unknown token
  std::optional<TokenId> unknown;  ///< without one, what is unknown is dropped
  /// Tokens for the 256 bytes of an unknown code point, where the vocabulary has them.
  std::optional<std::array<TokenId, 256>> byte_tokens;
  std::string continuing_prefix;  ///< written before each code point but the first of a piece, for lookups
  std::string word_end_suffix;    ///< written after the last one
};

/// Byte-pair encoding (arXiv:1508.07909) over bytes or code points. SentencePiece's BPE is the same with ranks made of
/// its scores.
///
/// A piece of n symbols takes O(n log n). Long pieces are first cut wherever two neighbouring characters appear in no
/// token, which no merge can span.
class BpeModel final : public SubwordModel {
 public:
  /// @param vocabulary the tokens that text may become, written as the text is (bytes, when byte_level); ids from
  ///        `pseudo_base` on are code points that only merges turn into tokens
  BpeModel(BpeOptions options, Vocabulary vocabulary, const std::vector<Merge>& merges,
           TokenId pseudo_base = static_cast<TokenId>(kMaxVocabulary));

  void encode(std::string_view piece, SubwordScratch& scratch, std::vector<TokenId>& ids) const override;

 private:
  /// A part of a piece that is merged on its own.
  struct Chunk {
    std::string_view text;
    bool first = true;  ///< of its piece
    bool last = true;
  };

  [[nodiscard]] std::size_t chunk_length(std::string_view text) const;
  [[nodiscard]] bool has_affixes() const;
  void find_whole_tokens();

  void encode_chunk(const Chunk& chunk, SubwordScratch& scratch) const;
  void add_symbols(const Chunk& chunk, std::vector<TokenId>& symbols) const;
  [[nodiscard]] std::optional<TokenId> find_char(std::string_view text, bool first, bool last) const;
  void add_unknown(std::string_view text, std::vector<TokenId>& symbols) const;
  void merge_short(SubwordScratch& scratch) const;
  void merge_long(SubwordScratch& scratch) const;
  void merge_at(SubwordScratch& scratch, std::int32_t position) const;
  void emit(TokenId symbol, std::size_t piece_begin, std::vector<TokenId>& ids) const;

  BpeOptions options_;
  Vocabulary vocabulary_;
  MergeTable merges_;
  NeighbourSet neighbours_;
  TokenId pseudo_base_;
  std::size_t longest_token_ = 0;
  std::vector<bool> is_whole_;  ///< by id: encoding the token's text gives the token
  std::array<TokenId, 256> byte_symbols_{};
};

/// The ids of the tokens "<0x00>" to "<0xFF>", if all of them are there.
std::optional<std::array<TokenId, 256>> find_byte_tokens(const Vocabulary& vocabulary);

}  // namespace marquee::formats
