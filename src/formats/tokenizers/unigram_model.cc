#include "formats/tokenizers/unigram_model.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/utf8.h"

namespace marquee::formats {

UnigramModel::UnigramModel(UnigramOptions options, PrefixTrie tokens, std::vector<double> scores)
    : options_(options), tokens_(std::move(tokens)), scores_(std::move(scores)) {}

/// Fills path[i] with the best token that ends at byte i.
void UnigramModel::search(std::string_view piece, std::vector<SubwordScratch::PathNode>& path) const {
  path.assign(piece.size() + 1, {0, -1, -1});
  const auto offer = [&](std::size_t from, std::size_t to, double token_score, TokenId id) {
    auto& node = path[to];
    const double sum = path[from].score + token_score;
    const double score = options_.single_precision ? static_cast<float>(sum) : sum;
    if (node.start < 0 || score > node.score) node = {score, static_cast<std::int32_t>(from), id};
  };
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t char_length = base::decode_utf8(piece.substr(at)).length;
    bool char_is_token = false;
    tokens_.for_each_prefix(piece.substr(at), [&](std::size_t length, TokenId id) {
      offer(at, at + length, scores_[id], id);
      char_is_token = char_is_token || length == char_length;
    });
    if (!char_is_token) offer(at, at + char_length, options_.unknown_score, options_.unknown);
    at += char_length;
  }
}

void UnigramModel::encode(std::string_view piece, SubwordScratch& scratch, std::vector<TokenId>& ids) const {
  search(piece, scratch.path);
  const std::size_t begin = ids.size();
  bool last_was_unknown = false;
  for (std::size_t end = piece.size(); end > 0;) {
    const auto& node = scratch.path[end];
    const auto start = static_cast<std::size_t>(node.start);
    const bool unknown = node.id == options_.unknown;
    if (!unknown) {
      ids.push_back(node.id);
    } else if (options_.byte_tokens) {
      for (std::size_t i = end; i-- > start;) {
        ids.push_back((*options_.byte_tokens)[static_cast<unsigned char>(piece[i])]);
      }
    } else if (!last_was_unknown) {
      ids.push_back(options_.unknown);
    }
    last_was_unknown = unknown;
    end = start;
  }
  std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(begin), ids.end());
}

}  // namespace marquee::formats
