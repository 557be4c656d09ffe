#include "text/jinja/printing.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

Result<void> append_repr(Runtime& runtime, const Value& value, std::string& out);

/// Adds to a text that may not grow past the longest allowed.
Result<void> append(Runtime& runtime, std::string& out, std::string_view part) {
  MARQUEE_CHECK(runtime.budget().spend_bytes(part.size()));
  if (out.size() + part.size() > kMaxTextBytes) return runtime.budget().spend_text(out.size() + part.size());
  out.append(part);
  return {};
}

Result<void> append_items(Runtime& runtime, const std::vector<Value>& items, std::string& out) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) MARQUEE_CHECK(append(runtime, out, ", "));
    MARQUEE_CHECK(append_repr(runtime, items[i], out));
  }
  return {};
}

Result<void> append_dict(Runtime& runtime, const Dict& dict, std::string& out) {
  bool first = true;
  for (const auto& [key, value] : dict.entries()) {
    MARQUEE_CHECK(append(runtime, out, first ? "{" : ", "));
    first = false;
    MARQUEE_CHECK(append_repr(runtime, key, out));
    MARQUEE_CHECK(append(runtime, out, ": "));
    MARQUEE_CHECK(append_repr(runtime, value, out));
  }
  return append(runtime, out, first ? "{}" : "}");
}

Result<void> append_repr(Runtime& runtime, const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kUndefined: return append(runtime, out, "Undefined");
    case Kind::kText:
      return append(runtime, out, value.is_safe() ? "Markup(" + quote(value.text()) + ")" : quote(value.text()));
    case Kind::kList:
      MARQUEE_CHECK(append(runtime, out, "["));
      MARQUEE_CHECK(append_items(runtime, value.items(), out));
      return append(runtime, out, "]");
    case Kind::kTuple:
      MARQUEE_CHECK(append(runtime, out, "("));
      MARQUEE_CHECK(append_items(runtime, value.items(), out));
      return append(runtime, out, value.items().size() == 1 ? ",)" : ")");
    case Kind::kDict: return append_dict(runtime, value.dict(), out);
    default: {
      MARQUEE_ASSIGN(const std::string text, to_text(runtime, value));
      return append(runtime, out, text);
    }
  }
}

std::string escaped(char32_t c) {
  switch (c) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\\': return "\\\\";
    default: break;
  }
  const auto code = static_cast<std::uint32_t>(c);
  if (code <= 0xFF) return fmt::format("\\x{:02x}", code);
  if (code <= 0xFFFF) return fmt::format("\\u{:04x}", code);
  return fmt::format("\\U{:08x}", code);
}

}  // namespace

std::string integer_to_text(Integer value) { return fmt::format("{}", value); }

std::string real_to_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  const std::string_view scientific(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = scientific.find('e');
  int exponent = 0;
  std::from_chars(scientific.data() + e + (scientific[e + 1] == '+' ? 2 : 1), end.ptr, exponent);
  if (exponent < -4 || exponent >= 16) return std::string(scientific);
  const auto fixed = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  std::string text(buffer.data(), fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string quote(std::string_view text) {
  const bool doubled = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char mark = doubled ? '"' : '\'';
  std::string out(1, mark);
  while (!text.empty()) {
    const auto decoded = base::decode_utf8(text);
    if (decoded.code_point == static_cast<char32_t>(mark)) {
      out += '\\';
      out += mark;
    } else if (decoded.code_point == '\\' || !is_printable(decoded.code_point)) {
      out += escaped(decoded.code_point);
    } else {
      out.append(text.substr(0, decoded.length));
    }
    text.remove_prefix(decoded.length);
  }
  return out += mark;
}

Result<std::string> to_text(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return std::string();
    case Kind::kNone: return std::string("None");
    case Kind::kBoolean: return std::string(value.boolean() ? "True" : "False");
    case Kind::kInteger: return integer_to_text(value.integer());
    case Kind::kReal: return real_to_text(value.real());
    case Kind::kText: return value.text();
    case Kind::kObject: return value.object().text(runtime);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict: break;
  }
  return to_repr(runtime, value);
}

Result<std::string> to_repr(Runtime& runtime, const Value& value) {
  std::string out;
  MARQUEE_CHECK(append_repr(runtime, value, out));
  return out;
}

}  // namespace marquee::text::jinja
