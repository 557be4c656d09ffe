#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace marquee::base {

/// One decoded code point and how many bytes it took. Invalid input gives {U+FFFD, 1, false}.
struct DecodedCodePoint {
  char32_t code_point;
  std::uint32_t length;
  bool valid;
};

/// Decodes the first code point of `text`, which must not be empty. Rejects overlong forms, surrogates and values past
/// U+10FFFF (Unicode 15, table 3-7).
DecodedCodePoint decode_utf8(std::string_view text);

/// Appends `code_point` (a valid scalar value) to `out` as UTF-8.
void append_utf8(std::string& out, char32_t code_point);

bool is_valid_utf8(std::string_view text);

/// Replaces each invalid byte with U+FFFD.
std::string sanitize_utf8(std::string_view text);

/// The length of the longest prefix of `text` that does not end inside a code point that more bytes could complete.
std::size_t complete_utf8_prefix(std::string_view text);

}  // namespace marquee::base
