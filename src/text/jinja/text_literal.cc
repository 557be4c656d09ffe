#include "text/jinja/text_literal.h"

#include <fmt/format.h>

#include <charconv>

#include "base/utf8.h"

namespace marquee::text::jinja {
namespace {

bool is_scalar(std::uint32_t code) { return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF); }

base::Result<std::size_t> append_code(std::string& out, std::string_view digits, std::size_t count) {
  std::uint32_t code = 0;
  digits = digits.substr(0, count);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  if (digits.size() < count || read.ec != std::errc() || read.ptr != digits.data() + count) {
    return base::invalid_argument(fmt::format("this text has an escape without its {} hexadecimal digits", count));
  }
  if (!is_scalar(code)) {
    return base::invalid_argument(fmt::format("this text has an escape for {:#x}, which is no character", code));
  }
  base::append_utf8(out, static_cast<char32_t>(code));
  return count;
}

std::size_t append_octal(std::string& out, std::string_view digits) {
  std::uint32_t code = 0;
  std::size_t count = 0;
  while (count < 3 && count < digits.size() && digits[count] >= '0' && digits[count] <= '7') {
    code = code * 8 + static_cast<std::uint32_t>(digits[count++] - '0');
  }
  base::append_utf8(out, static_cast<char32_t>(code));
  return count;
}

/// Python, too, leaves an escape it does not know as it stands; it sees a character outside ASCII as its own escape.
std::size_t append_unknown(std::string& out, std::string_view text) {
  const auto decoded = base::decode_utf8(text);
  const auto code = static_cast<std::uint32_t>(decoded.code_point);
  out += '\\';
  if (code < 0x80) {
    out += text[0];
  } else {
    out += code <= 0xFF     ? fmt::format("x{:02x}", code)
           : code <= 0xFFFF ? fmt::format("u{:04x}", code)
                            : fmt::format("U{:08x}", code);
  }
  return decoded.length;
}

/// @param text what follows a backslash  @return how much of it the escape takes
base::Result<std::size_t> append_escape(std::string& out, std::string_view text) {
  constexpr std::string_view kSimple = "abfnrtv\\'\"\n";
  constexpr std::string_view kMeaning = "\a\b\f\n\r\t\v\\'\"";
  if (const std::size_t at = kSimple.find(text[0]); at != std::string_view::npos) {
    if (at < kMeaning.size()) out += kMeaning[at];  // a backslash at a line's end joins it with the next
    return std::size_t{1};
  }
  std::size_t digits = 0;
  switch (text[0]) {
    case 'x': digits = 2; break;
    case 'u': digits = 4; break;
    case 'U': digits = 8; break;
    case 'N': return base::unsupported("the escape \\N{…} in a text");
    default: break;
  }
  if (digits > 0) {
    MARQUEE_ASSIGN(const std::size_t taken, append_code(out, text.substr(1), digits));
    return taken + 1;
  }
  return text[0] >= '0' && text[0] <= '7' ? append_octal(out, text) : append_unknown(out, text);
}

}  // namespace

base::Result<std::string> resolve_escapes(std::string_view literal) {
  std::string out;
  while (!literal.empty()) {
    const std::size_t plain = std::min(literal.find('\\'), literal.size());
    out.append(literal.substr(0, plain));
    literal.remove_prefix(plain);
    if (literal.empty()) break;
    MARQUEE_ASSIGN(const std::size_t taken, append_escape(out, literal.substr(1)));
    literal.remove_prefix(1 + taken);
  }
  return out;
}

}  // namespace marquee::text::jinja
