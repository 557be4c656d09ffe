#include "text/bags/text_normaliser.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/utf8.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::bags {
namespace {

constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kSmallSigma = 0x3C3;
constexpr char32_t kFinalSigma = 0x3C2;
constexpr char32_t kCapitalIWithDot = 0x130;
constexpr char32_t kCombiningDotAbove = 0x307;

std::size_t ascii_run(std::string_view text, std::size_t at) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  std::size_t end = at;
  for (std::uint64_t word = 0; end + sizeof(word) <= text.size(); end += sizeof(word)) {
    std::memcpy(&word, text.data() + end, sizeof(word));
    if ((word & kHighBits) != 0) break;
  }
  while (end < text.size() && static_cast<unsigned char>(text[end]) < 0x80) ++end;
  return end - at;
}

/// How many bytes from `at` on one U+FFFD stands for: a beginning of a code point that the next byte cannot go on.
std::uint32_t broken_length(std::string_view text, std::size_t at) {
  // Of two and three bytes: whether more bytes could complete them is what complete_utf8_prefix tells.
  std::uint32_t length = 1;
  while (length < 3 && at + length < text.size() && base::complete_utf8_prefix(text.substr(at, length + 1)) == 0) {
    ++length;
  }
  return length;
}

char32_t code_point_before(std::string_view text, std::size_t& at) {
  do --at;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U);
  return base::decode_utf8(text.substr(at)).code_point;
}

/// A capital sigma ends a word if a cased letter is before it and none after it (Unicode 3.13, Final_Sigma).
bool ends_word(std::string_view text, std::size_t at) {
  bool is_cased_before = false;
  for (std::size_t i = at; i > 0;) {
    const char32_t c = code_point_before(text, i);
    if (jinja::is_case_ignorable(c)) continue;
    is_cased_before = jinja::is_cased(c);
    break;
  }
  if (!is_cased_before) return false;
  for (std::size_t i = at + 2; i < text.size();) {  // a sigma has 2 bytes
    const auto decoded = base::decode_utf8(text.substr(i));
    if (!jinja::is_case_ignorable(decoded.code_point)) return !jinja::is_cased(decoded.code_point);
    i += decoded.length;
  }
  return true;
}

}  // namespace

void TextNormaliser::append_ascii(std::string_view run, std::uint32_t at, bool track, NormalisedText& out) const {
  const std::size_t begin = out.text.size();
  out.text.append(run);
  if (lowercase_) {
    char* const text = out.text.data() + begin;
    for (std::size_t i = 0; i < run.size(); ++i) {
      const char c = text[i];
      text[i] = static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0));
    }
  }
  if (!track) return;
  for (std::uint32_t i = 0; i < run.size(); ++i) out.sources.push_back({at + i, at + i + 1});
}

void TextNormaliser::append_stripped(char32_t code_point, std::string& out) const {
  if (accents_ == StripAccents::kNone) return base::append_utf8(out, code_point);
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18 code points
  int boundary = 0;
  const auto count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(code_point), parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT), &boundary);
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max<utf8proc_ssize_t>(count, 0)); ++i) {
    const bool keeps =
        accents_ == StripAccents::kAscii ? parts[i] < 0x80 : utf8proc_get_property(parts[i])->combining_class == 0;
    if (keeps) base::append_utf8(out, static_cast<char32_t>(parts[i]));
  }
}

void TextNormaliser::append_code_point(std::string_view document, std::uint32_t at, char32_t code_point,
                                       std::string& out) const {
  if (lowercase_) {
    if (code_point == kCapitalSigma) {
      code_point = ends_word(document, at) ? kFinalSigma : kSmallSigma;
    } else if (code_point == kCapitalIWithDot) {
      append_stripped(U'i', out);
      code_point = kCombiningDotAbove;
    } else {
      code_point = static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)));
    }
  }
  append_stripped(code_point, out);
}

void TextNormaliser::normalise(std::string_view document, bool track, NormalisedText& out) const {
  out.clear();
  for (std::size_t at = 0; at < document.size();) {
    const auto begin = static_cast<std::uint32_t>(at);
    if (const std::size_t run = ascii_run(document, at); run > 0) {
      append_ascii(document.substr(at, run), begin, track, out);
      at += run;
      continue;
    }
    const auto decoded = base::decode_utf8(document.substr(at));
    const std::uint32_t length = decoded.valid ? decoded.length : broken_length(document, at);
    const std::size_t before = out.text.size();
    append_code_point(document, begin, decoded.code_point, out.text);
    at += length;
    if (!track) continue;
    if (out.text.size() == before) {
      // An accent that is gone belongs to the letter it stood on.
      if (!out.sources.empty()) out.sources.back().end = begin + length;
    } else {
      out.sources.resize(out.text.size(), {begin, begin + length});
    }
  }
}

}  // namespace marquee::text::bags
