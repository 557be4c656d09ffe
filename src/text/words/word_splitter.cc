#include "text/words/word_splitter.h"

#include <algorithm>

#include "base/utf8.h"
#include "formats/tokenizers/char_class.h"
#include "text/jinja/unicode_text.h"
#include "text/words/word_table.h"

namespace marquee::text::words {

namespace {

using base::Result;

bool is_ascii_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }
bool is_ascii_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

struct WordStep {
  std::size_t length = 1;
  bool is_word = false;
  bool is_apostrophe = false;
};

WordStep step_at(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (static_cast<unsigned char>(c) < 0x80) return {1, is_ascii_word(c), c == '\''};
  const auto decoded = base::decode_utf8(text.substr(at));
  return {decoded.length, decoded.valid && formats::is_word_char(decoded.code_point), decoded.code_point == U'\u2019'};
}

/// The end of the run of word characters that begins at `at`.
std::size_t word_end(std::string_view text, std::size_t at) {
  const std::size_t begin = at;
  while (at < text.size()) {
    const WordStep step = step_at(text, at);
    if (step.is_word) {
      at += step.length;
      continue;
    }
    const std::size_t after = at + step.length;
    if (!step.is_apostrophe || at == begin || after >= text.size() || !step_at(text, after).is_word) break;
    at = after;
  }
  return at;
}

}  // namespace

Result<std::string_view> WordSplitter::prepare(std::string_view text, const TextSource* source) {
  const bool is_ascii = jinja::is_ascii(text);
  if (!is_ascii && !base::is_valid_utf8(text)) {
    if (settings_.strict && source != nullptr) {
      return base::corrupt(source->position() + ": not valid UTF-8; convert the text, or ask for it not to be strict");
    }
    changed_ = base::sanitize_utf8(text);
    text = changed_;
  }
  if (!settings_.lower_case) return text;
  if (!is_ascii) {
    changed_ = jinja::to_lower(text);
    return std::string_view(changed_);
  }
  changed_.resize(text.size());
  std::transform(text.begin(), text.end(), changed_.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); });
  return std::string_view(changed_);
}

Result<void> WordSplitter::keep(std::string_view word, const TextSource* source) {
  if (word.size() <= kMaxWordBytes) {
    words_.push_back(word);
  } else if (settings_.strict && source != nullptr) {
    return base::corrupt(source->position() + ": a word of " + std::to_string(word.size()) + " bytes, more than " +
                         std::to_string(kMaxWordBytes) + "; is this text?");
  }
  return {};
}

Result<void> WordSplitter::cut(std::string_view text, const TextSource* source) {
  words_.clear();
  std::size_t at = 0;
  if (settings_.rule == WordRule::kBlanks) {
    while (true) {
      while (at < text.size() && is_ascii_blank(text[at])) ++at;
      if (at == text.size()) return {};
      const std::size_t begin = at;
      while (at < text.size() && !is_ascii_blank(text[at])) ++at;
      MARQUEE_CHECK(keep(text.substr(begin, at - begin), source));
    }
  }
  while (at < text.size()) {
    const std::size_t end = word_end(text, at);
    if (end == at) {
      at += step_at(text, at).length;
      continue;
    }
    MARQUEE_CHECK(keep(text.substr(at, end - at), source));
    at = end;
  }
  return {};
}

Result<std::span<const std::string_view>> WordSplitter::split(std::string_view text, const TextSource& source) {
  MARQUEE_ASSIGN(const std::string_view prepared, prepare(text, &source));
  MARQUEE_CHECK(cut(prepared, &source));
  return std::span<const std::string_view>(words_);
}

std::span<const std::string_view> WordSplitter::split(std::string_view text) {
  const auto prepared = prepare(text, nullptr);
  if (!prepared || !cut(*prepared, nullptr)) return {};
  return words_;
}

}  // namespace marquee::text::words
