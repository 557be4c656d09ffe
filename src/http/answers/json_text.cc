#include "http/answers/json_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "base/utf8.h"

namespace marquee::http {

namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
      out += "\\u00";
      out.push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
  }
}

template <typename Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc()) out.append(digits.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  if (!base::is_valid_utf8(text)) {
    append_json_string(out, base::sanitize_utf8(text));
    return;
  }
  out.push_back('"');
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) continue;
    out.append(text, start, i - start);
    append_escaped(out, c);
    start = i + 1;
  }
  out.append(text, start, text.size() - start);
  out.push_back('"');
}

void append_json_number(std::string& out, float value) { append_number(out, std::isfinite(value) ? value : -9999.0F); }

void append_json_number(std::string& out, std::int64_t value) { append_number(out, value); }

}  // namespace marquee::http
