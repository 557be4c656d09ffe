#include "formats/tokenizers/bpe_model.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/utf8.h"

namespace marquee::formats {
namespace {

/// Up to so many symbols a scan for the best merge beats a queue.
constexpr std::size_t kShortChunk = 48;
/// Shorter pieces are not cut: looking costs more than it saves.
constexpr std::size_t kWorthCutting = 24;

}  // namespace

std::optional<std::array<TokenId, 256>> find_byte_tokens(const Vocabulary& vocabulary) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::array<TokenId, 256> ids{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto id = vocabulary.find(std::string{'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'});
    if (!id) return std::nullopt;
    ids[byte] = *id;
  }
  return ids;
}

BpeModel::BpeModel(BpeOptions options, Vocabulary vocabulary, const std::vector<Merge>& merges, TokenId pseudo_base)
    : options_(std::move(options)),
      vocabulary_(std::move(vocabulary)),
      merges_(merges),
      neighbours_(options_.byte_level),
      pseudo_base_(pseudo_base) {
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    byte_symbols_[byte] = vocabulary_.find({&text, 1}).value_or(-1);
  }
  for (const Merge& merge : merges) neighbours_.add(vocabulary_.text(merge.result));
  for (std::size_t id = 0; id < vocabulary_.size(); ++id) {
    longest_token_ = std::max(longest_token_, vocabulary_.text(static_cast<TokenId>(id)).size());
  }
  if (!has_affixes()) find_whole_tokens();
}

bool BpeModel::has_affixes() const { return !options_.continuing_prefix.empty() || !options_.word_end_suffix.empty(); }

void BpeModel::find_whole_tokens() {
  std::vector<bool> found(vocabulary_.size());
  SubwordScratch scratch;
  const auto ids = std::min(vocabulary_.size(), static_cast<std::size_t>(pseudo_base_));
  for (std::size_t id = 0; id < ids; ++id) {
    const auto text = vocabulary_.text(static_cast<TokenId>(id));
    if (text.empty() || vocabulary_.find(text) != static_cast<TokenId>(id)) continue;
    encode_chunk({text}, scratch);
    found[id] = scratch.ids.size() == 1 && scratch.ids[0] == static_cast<TokenId>(id);
  }
  is_whole_ = std::move(found);  // only now: encode_chunk() looks here for a short cut
}

std::size_t BpeModel::chunk_length(std::string_view text) const {
  if (options_.byte_level) {
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (!neighbours_.contains(static_cast<unsigned char>(text[i - 1]), static_cast<unsigned char>(text[i]))) return i;
    }
    return text.size();
  }
  auto left = base::decode_utf8(text);
  for (std::size_t i = left.length; i < text.size();) {
    const auto right = base::decode_utf8(text.substr(i));
    if (!neighbours_.contains(left.code_point, right.code_point)) return i;
    left = right;
    i += right.length;
  }
  return text.size();
}

void BpeModel::encode(std::string_view piece, SubwordScratch& scratch, std::vector<TokenId>& ids) const {
  if (piece.empty()) return;
  if (options_.ignore_merges && piece.size() <= longest_token_) {
    const auto id = vocabulary_.find(piece);
    if (id && *id < pseudo_base_) {
      ids.push_back(*id);
      return;
    }
  }
  const std::size_t begin = ids.size();
  if (piece.size() < kWorthCutting || has_affixes()) {
    encode_chunk({piece}, scratch);
    for (const TokenId symbol : scratch.ids) emit(symbol, begin, ids);
    return;
  }
  for (std::string_view rest = piece; !rest.empty();) {
    const std::size_t length = chunk_length(rest);
    encode_chunk({rest.substr(0, length)}, scratch);
    for (const TokenId symbol : scratch.ids) emit(symbol, begin, ids);
    rest.remove_prefix(length);
  }
}

void BpeModel::emit(TokenId symbol, std::size_t piece_begin, std::vector<TokenId>& ids) const {
  if (symbol >= pseudo_base_) {
    std::vector<TokenId> fallback;
    add_unknown(vocabulary_.text(symbol), fallback);
    for (const TokenId id : fallback) emit(id, piece_begin, ids);
    return;
  }
  const bool follows_unknown = ids.size() > piece_begin && ids.back() == symbol;
  if (options_.fuse_unknown && symbol == options_.unknown && follows_unknown) return;
  ids.push_back(symbol);
}

void BpeModel::encode_chunk(const Chunk& chunk, SubwordScratch& scratch) const {
  scratch.ids.clear();
  if (chunk.text.size() <= longest_token_ && !is_whole_.empty()) {
    const auto id = vocabulary_.find(chunk.text);
    if (id && is_whole_[*id]) {
      scratch.ids.push_back(*id);
      return;
    }
  }
  add_symbols(chunk, scratch.ids);
  if (scratch.ids.size() < 2) return;
  if (scratch.ids.size() <= kShortChunk) {
    merge_short(scratch);
  } else {
    merge_long(scratch);
  }
}

void BpeModel::add_symbols(const Chunk& chunk, std::vector<TokenId>& symbols) const {
  std::string_view rest = chunk.text;
  if (options_.byte_level) {
    for (const char c : rest) {
      const TokenId id = byte_symbols_[static_cast<unsigned char>(c)];
      if (id >= 0) {
        symbols.push_back(id);
      } else if (options_.unknown) {
        symbols.push_back(*options_.unknown);
      }
    }
    return;
  }
  for (bool first = true; !rest.empty(); first = false) {
    const std::size_t length = base::decode_utf8(rest).length;
    const auto text = rest.substr(0, length);
    rest.remove_prefix(length);
    if (const auto id = find_char(text, chunk.first && first, chunk.last && rest.empty())) {
      symbols.push_back(*id);
    } else {
      add_unknown(text, symbols);
    }
  }
}

std::optional<TokenId> BpeModel::find_char(std::string_view text, bool first, bool last) const {
  if (!has_affixes()) {
    if (text.size() > 1) return vocabulary_.find(text);
    const TokenId id = byte_symbols_[static_cast<unsigned char>(text[0])];
    return id < 0 ? std::nullopt : std::optional<TokenId>(id);
  }
  std::string with_affixes = first ? "" : options_.continuing_prefix;
  with_affixes += text;
  if (last) with_affixes += options_.word_end_suffix;
  return vocabulary_.find(with_affixes);
}

void BpeModel::add_unknown(std::string_view text, std::vector<TokenId>& symbols) const {
  if (options_.byte_tokens) {
    for (const char c : text) symbols.push_back((*options_.byte_tokens)[static_cast<unsigned char>(c)]);
  } else if (options_.unknown) {
    symbols.push_back(*options_.unknown);
  }
}

void BpeModel::merge_short(SubwordScratch& scratch) const {
  auto& ids = scratch.ids;
  auto& ranks = scratch.ranks;  // ranks[i]: of the merge of ids[i] with ids[i + 1]
  ranks.clear();
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) ranks.push_back(merges_.find(ids[i], ids[i + 1]).rank);
  while (!ranks.empty()) {
    const auto best = std::min_element(ranks.begin(), ranks.end());
    if (*best == kNoRank) return;
    const auto at = best - ranks.begin();
    ids[at] = merges_.find(ids[at], ids[at + 1]).result;
    ids.erase(ids.begin() + at + 1);
    ranks.erase(best);
    if (at > 0) ranks[at - 1] = merges_.find(ids[at - 1], ids[at]).rank;
    if (static_cast<std::size_t>(at) < ranks.size()) ranks[at] = merges_.find(ids[at], ids[at + 1]).rank;
  }
}

void BpeModel::merge_long(SubwordScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& queue = scratch.queue;  // rank << 32 | position, the least on top
  symbols.clear();
  queue.clear();
  const auto count = static_cast<std::int32_t>(scratch.ids.size());
  symbols.reserve(scratch.ids.size());
  for (std::int32_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    const std::uint32_t rank = last ? kNoRank : merges_.find(scratch.ids[i], scratch.ids[i + 1]).rank;
    symbols.push_back({scratch.ids[i], rank, i - 1, last ? -1 : i + 1});
    if (rank != kNoRank) queue.push_back((static_cast<std::uint64_t>(rank) << 32) | static_cast<std::uint32_t>(i));
  }
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const auto position = static_cast<std::int32_t>(queue.back() & 0xFFFFFFFF);
    const auto rank = static_cast<std::uint32_t>(queue.back() >> 32);
    queue.pop_back();
    // A symbol that has grown, or gone into its neighbour, has another rank now.
    if (symbols[position].rank == rank) merge_at(scratch, position);
  }
  scratch.ids.clear();
  for (std::int32_t i = 0; i >= 0; i = symbols[i].next) scratch.ids.push_back(symbols[i].id);
}

void BpeModel::merge_at(SubwordScratch& scratch, std::int32_t position) const {
  auto& symbols = scratch.symbols;
  const auto push = [&](std::int32_t at, std::int32_t with) {
    const std::uint32_t rank = merges_.find(symbols[at].id, symbols[with].id).rank;
    symbols[at].rank = rank;
    if (rank == kNoRank) return;
    scratch.queue.push_back((static_cast<std::uint64_t>(rank) << 32) | static_cast<std::uint32_t>(at));
    std::push_heap(scratch.queue.begin(), scratch.queue.end(), std::greater<>());
  };
  auto& left = symbols[position];
  auto& right = symbols[left.next];
  left.id = merges_.find(left.id, right.id).result;
  left.next = right.next;
  left.rank = kNoRank;
  right.rank = kNoRank;
  if (left.next >= 0) {
    symbols[left.next].previous = position;
    push(position, left.next);
  }
  if (left.previous >= 0) push(left.previous, position);
}

}  // namespace marquee::formats
