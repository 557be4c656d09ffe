#pragma once

#include <algorithm>
#include <string_view>

namespace marquee::serving {

/// Whether `text` is a SHA-256 as this program writes it: 64 lower-case hexadecimal digits.
inline bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace marquee::serving
