#include "formats/tokenizers/base64.h"

#include <cstddef>
#include <cstdint>

namespace marquee::formats {
namespace {

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

base::Result<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return base::corrupt("base64 text whose length is no multiple of 4");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pad = i >= text.size() - padding;
    const int value = pad ? 0 : value_of(text[i]);
    if (value < 0) return base::corrupt("base64 text with a wrong character at byte " + std::to_string(i));
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    if (i % 4 == 3) {
      bytes +=
          {static_cast<char>(bits >> 16 & 0xFF), static_cast<char>(bits >> 8 & 0xFF), static_cast<char>(bits & 0xFF)};
    }
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace marquee::formats
