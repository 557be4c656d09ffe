#include "formats/tokenizers/word_piece_model.h"

#include <algorithm>
#include <utility>

namespace marquee::formats {

WordPieceModel::WordPieceModel(WordPieceOptions options, PrefixTrie starts, PrefixTrie continuations)
    : options_(options), starts_(std::move(starts)), continuations_(std::move(continuations)) {}

void WordPieceModel::encode(std::string_view piece, SubwordScratch&, std::vector<TokenId>& ids) const {
  const auto is_lead = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; };
  const auto chars = static_cast<std::size_t>(std::count_if(piece.begin(), piece.end(), is_lead));
  if (chars > options_.max_word_chars) {
    ids.push_back(options_.unknown);
    return;
  }
  const std::size_t begin = ids.size();
  for (std::size_t at = 0; at < piece.size();) {
    const auto match = (at == 0 ? starts_ : continuations_).longest(piece.substr(at));
    if (match.length == 0) {
      ids.resize(begin);
      ids.push_back(options_.unknown);
      return;
    }
    ids.push_back(match.id);
    at += match.length;
  }
}

}  // namespace marquee::formats
