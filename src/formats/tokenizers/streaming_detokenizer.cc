#include <cstddef>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "formats/tokenizer.h"

namespace marquee::formats {
namespace {

/// How many bytes at the start of `text` one U+FFFD stands for: the longest that could still have become a code point,
/// at least one (Unicode 15, section 3.9, "substitution of maximal subparts").
std::size_t maximal_subpart(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && base::complete_utf8_prefix(text.substr(0, length + 1)) == 0) ++length;
  return length;
}

std::string replace_invalid(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto decoded = base::decode_utf8(text);
    const std::size_t length = decoded.valid ? decoded.length : maximal_subpart(text);
    if (decoded.valid) {
      out += text.substr(0, length);
    } else {
      base::append_utf8(out, decoded.code_point);
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string StreamingDetokenizer::push(TokenId id) {
  if (id < 0 || id >= tokenizer_->vocab_size() || (skip_special_ && tokenizer_->is_special(id))) return {};
  const auto bytes = at_start_ ? tokenizer_->first_token_bytes(id) : tokenizer_->token_bytes(id);
  at_start_ = false;
  pending_ += bytes;
  const std::size_t whole = base::complete_utf8_prefix(pending_);
  std::string text = replace_invalid(std::string_view(pending_).substr(0, whole));
  pending_.erase(0, whole);
  return text;
}

std::string StreamingDetokenizer::finish() {
  std::string text = replace_invalid(pending_);
  pending_.clear();
  return text;
}

}  // namespace marquee::formats
