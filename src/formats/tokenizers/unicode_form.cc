#include "formats/tokenizers/unicode_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "base/utf8.h"

namespace marquee::formats {
namespace {

using Buffer = std::vector<utf8proc_int32_t>;

int combining_class(utf8proc_int32_t code_point) {
  return static_cast<int>(utf8proc_get_property(code_point)->combining_class);
}

/// Appends the decomposition of a code point, not yet in canonical order.
void decompose(char32_t code_point, bool compatibility, Buffer& out) {
  std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18 code points
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0));
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), parts.data(),
                                             static_cast<utf8proc_ssize_t>(parts.size()), options, &boundary);
  if (count <= 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
    out.push_back(static_cast<utf8proc_int32_t>(code_point));
  } else {
    out.insert(out.end(), parts.begin(), parts.begin() + count);
  }
}

/// Sorts each run of combining marks by class. utf8proc does this by insertion, which a hostile text makes quadratic.
void order_marks(Buffer& text) {
  const auto by_class = [](utf8proc_int32_t a, utf8proc_int32_t b) { return combining_class(a) < combining_class(b); };
  for (std::size_t i = 0; i < text.size();) {
    if (combining_class(text[i]) == 0) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(i);
    if (end - i > 1) std::stable_sort(begin, begin + static_cast<std::ptrdiff_t>(end - i), by_class);
    i = end;
  }
}

/// Whether text from here on cannot change what came before: a starter that joins nothing on its left.
bool is_safe_break(unsigned char lead) { return lead < 0x80; }

void append(const Buffer& text, std::string& out) {
  for (const auto code_point : text) base::append_utf8(out, static_cast<char32_t>(code_point));
}

}  // namespace

std::string to_unicode_form(std::string_view text, UnicodeForm form) {
  const bool compose = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
  const bool compatibility = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  std::string out;
  out.reserve(text.size());
  Buffer buffer;
  while (!text.empty()) {
    // ASCII that another ASCII character follows is in every form already.
    std::size_t plain = 0;
    while (plain < text.size() && is_safe_break(static_cast<unsigned char>(text[plain]))) ++plain;
    if (plain > 0 && plain < text.size()) --plain;  // the last one may take the marks that follow
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    buffer.clear();
    bool more_than_one = false;
    while (!text.empty() && !(more_than_one && is_safe_break(static_cast<unsigned char>(text[0])))) {
      const auto decoded = base::decode_utf8(text);
      decompose(decoded.code_point, compatibility, buffer);
      text.remove_prefix(decoded.length);
      more_than_one = true;
    }
    order_marks(buffer);
    if (compose && !buffer.empty()) {
      const auto length = utf8proc_normalize_utf32(buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()),
                                                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
      if (length >= 0) buffer.resize(static_cast<std::size_t>(length));
    }
    append(buffer, out);
  }
  return out;
}

}  // namespace marquee::formats
