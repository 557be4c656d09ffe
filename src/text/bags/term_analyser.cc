#include "text/bags/term_analyser.h"

#include <algorithm>

#include "formats/tokenizers/char_class.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::bags {
namespace {

// Of each byte: 0 is outside words, 1 is inside, 2 begins a code point of several bytes.
constexpr std::uint8_t kWordByte = 1;
constexpr std::uint8_t kLeadByte = 2;

constexpr std::array<std::uint8_t, 256> kByteKinds = [] {
  std::array<std::uint8_t, 256> kinds{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z');
    kinds[c] = c >= 0x80 ? kLeadByte : is_word ? kWordByte : 0;
  }
  return kinds;
}();

std::uint8_t kind_of(char byte) { return kByteKinds[static_cast<unsigned char>(byte)]; }

struct Decoded {
  char32_t code_point;
  std::uint32_t length;
};

/// The code point that begins at `at` of text that is known to be valid.
Decoded decode(const char* at) {
  const auto byte = [at](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(at[i])); };
  const auto rest = [&byte](std::size_t i) { return byte(i) & 0x3FU; };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1FU) << 6U | rest(1), 2};
  if (lead < 0xF0) return {(lead & 0x0FU) << 12U | rest(1) << 6U | rest(2), 3};
  return {(lead & 0x07U) << 18U | rest(1) << 12U | rest(2) << 6U | rest(3), 4};
}

/// Python's \w beyond ASCII: letters and whatever has a numeric value. Marks are not among them.
bool is_word(char32_t code_point) {
  return (formats::char_class_table()[code_point] & (formats::kLetter | formats::kNumber)) != 0;
}

SourceSpan cover(SourceSpan first, SourceSpan last) { return {first.begin, last.end}; }

}  // namespace

TermAnalyser::TermAnalyser(const VectoriserOptions& options, const WordSet& stops)
    : options_(options), stops_(stops), normaliser_(options.lowercase, options.strip_accents) {}

void TermAnalyser::analyse(std::string_view document, bool track) {
  pieces_.clear();
  group_ends_.clear();
  joined_.clear();
  sources_.pieces.clear();
  sources_.unit_of.clear();
  sources_.units.clear();
  normaliser_.normalise(document, track, normalised_);
  switch (options_.analyser) {
    case Analyser::kWord: take_words(track); break;
    case Analyser::kChar: take_chars(track); break;
    case Analyser::kCharWordBoundary: take_padded_words(track); break;
  }
  if (options_.analyser != Analyser::kCharWordBoundary && !pieces_.empty()) {
    group_ends_.push_back(static_cast<std::uint32_t>(pieces_.size()));
  }
}

/// The end of the run of word characters from `at` on. @param chars counts them
std::uint32_t TermAnalyser::word_end(std::uint32_t at, std::uint32_t& chars) const {
  const std::string& text = normalised_.text;
  while (at < text.size()) {
    const std::uint8_t kind = kind_of(text[at]);
    if (kind == kWordByte) {
      ++at;
    } else if (kind == kLeadByte) {
      const Decoded next = decode(text.data() + at);
      if (!is_word(next.code_point)) break;
      at += next.length;
    } else {
      break;
    }
    ++chars;
  }
  return at;
}

void TermAnalyser::take_words(bool track) {
  const std::string& text = normalised_.text;
  const bool joins = options_.max_ngram > 1;
  const auto size = static_cast<std::uint32_t>(text.size());
  for (std::uint32_t at = 0; at < size;) {
    std::uint32_t chars = 0;
    const std::uint32_t end = word_end(at, chars);
    if (chars == 0) {
      at += decode(text.data() + at).length;
      continue;
    }
    const std::string_view word = std::string_view(text).substr(at, end - at);
    if (chars >= options_.min_word_chars && !stops_.contains(word)) {
      if (joins) {
        const auto begin = static_cast<std::uint32_t>(joined_.size());
        joined_.append(word).push_back(' ');
        pieces_.push_back({begin, begin + (end - at)});
      } else {
        pieces_.push_back({at, end});
      }
      if (track) {
        sources_.pieces.push_back(cover(normalised_.sources[at], normalised_.sources[end - 1]));
        sources_.unit_of.push_back(static_cast<std::uint32_t>(sources_.units.size()));
        sources_.units.push_back(sources_.pieces.back());
      }
    }
    at = end;
  }
  text_ = joins ? std::string_view(joined_) : std::string_view(text);
}

void TermAnalyser::add_char(std::string_view text, SourceSpan source, bool track) {
  const auto begin = static_cast<std::uint32_t>(joined_.size());
  joined_.append(text);
  pieces_.push_back({begin, static_cast<std::uint32_t>(joined_.size())});
  if (track) sources_.pieces.push_back(source);
}

void TermAnalyser::take_chars(bool track) {
  const std::string& text = normalised_.text;
  bool was_space = false;
  for (std::uint32_t at = 0; at < text.size();) {
    const Decoded first = decode(text.data() + at);
    const bool is_space = jinja::is_space(first.code_point);
    std::uint32_t end = at + first.length;
    std::uint32_t spaces = is_space ? 1 : 0;
    while (is_space && end < text.size()) {
      const Decoded next = decode(text.data() + end);
      if (!jinja::is_space(next.code_point)) break;
      end += next.length;
      ++spaces;
    }
    // Several spaces become one; one stays what it is.
    SourceSpan source;
    if (track) source = cover(normalised_.sources[at], normalised_.sources[end - 1]);
    add_char(spaces > 1 ? " " : std::string_view(text).substr(at, end - at), source, track);
    if (track) {
      if (sources_.units.empty() || is_space || was_space) sources_.units.push_back(source);
      sources_.units.back().end = source.end;
      sources_.unit_of.push_back(static_cast<std::uint32_t>(sources_.units.size() - 1));
    }
    was_space = is_space;
    at = end;
  }
  text_ = joined_;
}

void TermAnalyser::add_padded_word(std::uint32_t begin, std::uint32_t end, bool track) {
  SourceSpan word;
  if (track) {
    word = cover(normalised_.sources[begin], normalised_.sources[end - 1]);
    sources_.units.push_back(word);
  }
  add_char(" ", {word.begin, word.begin}, track);
  for (std::uint32_t at = begin; at < end;) {
    const std::uint32_t length = decode(normalised_.text.data() + at).length;
    SourceSpan source;
    if (track) source = cover(normalised_.sources[at], normalised_.sources[at + length - 1]);
    add_char(std::string_view(normalised_.text).substr(at, length), source, track);
    at += length;
  }
  add_char(" ", {word.end, word.end}, track);
  group_ends_.push_back(static_cast<std::uint32_t>(pieces_.size()));
  if (track) sources_.unit_of.resize(pieces_.size(), static_cast<std::uint32_t>(sources_.units.size() - 1));
}

void TermAnalyser::take_padded_words(bool track) {
  const std::string& text = normalised_.text;
  const auto size = static_cast<std::uint32_t>(text.size());
  std::uint32_t begin = 0;
  for (std::uint32_t at = 0; at < size;) {
    const Decoded next = decode(text.data() + at);
    if (jinja::is_space(next.code_point)) {
      if (begin < at) add_padded_word(begin, at, track);
      begin = at + next.length;
    }
    at += next.length;
  }
  if (begin < size) add_padded_word(begin, size, track);
  text_ = joined_;
}

}  // namespace marquee::text::bags
