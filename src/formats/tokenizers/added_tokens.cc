#include "formats/tokenizers/added_tokens.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "formats/tokenizers/char_class.h"

namespace marquee::formats {
namespace {

/// The start of the last code point of `text`, which must not be empty.
std::size_t last_char(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && text.size() - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return base::decode_utf8(text.substr(at)).length == text.size() - at ? at : text.size() - 1;
}

bool ends_in_word(std::string_view text) {
  return !text.empty() && is_word_char(base::decode_utf8(text.substr(last_char(text))).code_point);
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word_char(base::decode_utf8(text).code_point);
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const auto c = base::decode_utf8(text.substr(at));
    if (!c.valid || !is_white_space(c.code_point)) break;
    at += c.length;
  }
  return at;
}

/// Where the whitespace that ends at `end` begins, but not before `least`.
std::size_t skip_spaces_back(std::string_view text, std::size_t end, std::size_t least) {
  while (end > least) {
    const std::size_t at = last_char(text.substr(0, end));
    const auto c = base::decode_utf8(text.substr(at));
    if (at < least || !c.valid || !is_white_space(c.code_point)) break;
    end = at;
  }
  return end;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::vector<std::pair<std::string_view, TokenId>> entries;
  entries.reserve(tokens_.size());
  for (std::size_t i = 0; i < tokens_.size(); ++i) entries.emplace_back(tokens_[i].content, static_cast<TokenId>(i));
  trie_ = PrefixTrie(std::move(entries));
}

void AddedTokens::split(std::string_view text, bool parse_special, std::vector<TextSection>& sections) const {
  std::size_t text_begin = 0;  // of the text not yet in a section
  std::size_t at = 0;
  while (!tokens_.empty() && at < text.size()) {
    const bool possible = trie_.begins(static_cast<unsigned char>(text[at]));
    const auto match = possible ? trie_.longest(text.substr(at)) : PrefixTrie::Match{};
    if (match.length == 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[match.id];
    std::size_t begin = at;
    std::size_t end = at + match.length;
    at = end;
    if (token.special && !parse_special) continue;
    if (token.single_word && (ends_in_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) continue;
    if (token.left_strip) begin = skip_spaces_back(text, begin, std::min(begin, text_begin));
    if (token.right_strip) end = skip_spaces(text, end);
    if (text_begin < begin) sections.push_back({text.substr(text_begin, begin - text_begin), -1});
    sections.push_back({text.substr(begin, end - begin), token.id});
    text_begin = end;
  }
  if (text_begin < text.size()) sections.push_back({text.substr(text_begin), -1});
}

}  // namespace marquee::formats
