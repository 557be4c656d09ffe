#include "text/grammar/token_vocabulary.h"

#include <algorithm>
#include <utility>

#include "text/grammar/automaton.h"

namespace marquee::text::grammar {
namespace {

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(end - a.begin());
}

}  // namespace

TokenTree::TokenTree(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.bytes != b.bytes ? a.bytes < b.bytes : a.id < b.id; });
  nodes_.emplace_back();
  std::vector<std::uint32_t> path{0};  // the nodes from the root to the last entry's
  std::string_view last;
  const auto close_to = [&](std::size_t depth) {
    for (; path.size() > depth + 1; path.pop_back()) nodes_[path.back()].end = size() + 1;
  };
  // While it grows, nodes_ has nothing behind the last node yet: its size is one more than size() says.
  for (const Entry& entry : entries) {
    const std::size_t shared = common_prefix(last, entry.bytes);
    close_to(shared);
    for (std::size_t i = shared; i < entry.bytes.size(); ++i) {
      path.push_back(static_cast<std::uint32_t>(nodes_.size()));
      nodes_.push_back({static_cast<std::uint8_t>(entry.bytes[i]), static_cast<std::uint16_t>(i + 1), 0,
                        static_cast<std::uint32_t>(tokens_.size())});
    }
    tokens_.push_back(entry.id);
    depth_ = std::max(depth_, static_cast<std::uint16_t>(entry.bytes.size()));
    last = entry.bytes;
  }
  close_to(0);
  nodes_.front().end = size() + 1;
  nodes_.push_back({0, 0, 0, static_cast<std::uint32_t>(tokens_.size())});
}

TokenVocabulary::TokenVocabulary(const formats::Tokenizer& tokenizer, std::int32_t vocab_size)
    : tokenizer_(&tokenizer), size_(vocab_size) {
  for (const formats::TokenId id : tokenizer.end_tokens()) {
    if (id >= 0 && id < size_) end_tokens_.push_back(id);
  }
  std::vector<TokenTree::Entry> all;
  std::vector<TokenTree::Entry> start;
  for (formats::TokenId id = 0; id < std::min(size_, tokenizer.vocab_size()); ++id) {
    if (const std::string_view text = bytes(id, false); !text.empty()) all.push_back({text, id});
    if (const std::string_view text = bytes(id, true); !text.empty()) start.push_back({text, id});
    start_differs_ = start_differs_ || bytes(id, false) != bytes(id, true);
  }
  const auto middle =
      std::partition(all.begin(), all.end(), [](const auto& entry) { return entry.bytes.size() <= kClassHorizon; });
  short_ = TokenTree({all.begin(), middle});
  long_ = TokenTree({middle, all.end()});
  all_ = TokenTree(std::move(all));
  if (start_differs_) start_ = TokenTree(std::move(start));
}

bool TokenVocabulary::is_end(formats::TokenId id) const {
  return std::find(end_tokens_.begin(), end_tokens_.end(), id) != end_tokens_.end();
}

std::string_view TokenVocabulary::bytes(formats::TokenId id, bool first) const {
  if (id < 0 || id >= size_ || tokenizer_->is_special(id) || is_end(id)) return {};
  const std::string_view text = first ? tokenizer_->first_token_bytes(id) : tokenizer_->token_bytes(id);
  return text.size() <= kMaxTokenBytes ? text : std::string_view();
}

}  // namespace marquee::text::grammar
