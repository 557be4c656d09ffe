#include "text/jinja/json_output.h"

#include <fmt/format.h>

#include <cmath>

#include "base/utf8.h"
#include "text/jinja/arguments.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"
#include "text/jinja/sorting.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

constexpr Integer kMaxIndent = 64;

void append_unit(std::string& out, std::uint32_t unit) { out += fmt::format("\\u{:04x}", unit); }

std::string quote_json(std::string_view text, bool ensure_ascii) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto decoded = base::decode_utf8(text);
    const auto code = static_cast<std::uint32_t>(decoded.code_point);
    constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b";
    constexpr std::string_view kLetters = "\"\\nrtfb";
    const std::size_t at = code < 0x80 ? kEscaped.find(static_cast<char>(code)) : std::string_view::npos;
    if (at != std::string_view::npos) {
      out += '\\';
      out += kLetters[at];
    } else if (code < 0x20 || (ensure_ascii && code > 0x7E && code <= 0xFFFF)) {
      append_unit(out, code);
    } else if (ensure_ascii && code > 0xFFFF) {
      append_unit(out, 0xD800 + ((code - 0x10000) >> 10U));
      append_unit(out, 0xDC00 + ((code - 0x10000) & 0x3FFU));
    } else {
      out.append(text.substr(0, decoded.length));
    }
    text.remove_prefix(decoded.length);
  }
  return out += '"';
}

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  Result<void> write(const Value& value, std::size_t depth) {
    switch (value.kind()) {
      case Kind::kList:
      case Kind::kTuple: return write_list(value.items(), depth);
      case Kind::kDict: return write_dict(value.dict(), depth);
      case Kind::kText: return append(quote_json(value.text(), style_.ensure_ascii));
      case Kind::kUndefined:
      case Kind::kObject: return type_error("Object of type " + value.type_name() + " is not JSON serializable");
      default: return append(scalar(value));
    }
  }
  std::string take() { return std::move(out_); }

 private:
  static std::string scalar(const Value& value) {
    switch (value.kind()) {
      case Kind::kBoolean: return value.boolean() ? "true" : "false";
      case Kind::kInteger: return integer_to_text(value.integer());
      case Kind::kReal:
        if (std::isnan(value.real())) return "NaN";
        if (std::isinf(value.real())) return value.real() > 0 ? "Infinity" : "-Infinity";
        return real_to_text(value.real());
      default: return "null";
    }
  }

  Result<void> append(std::string_view part) {
    MARQUEE_CHECK(runtime_.budget().spend_bytes(part.size()));
    if (out_.size() + part.size() > kMaxTextBytes) return runtime_.budget().spend_text(out_.size() + part.size());
    out_.append(part);
    return {};
  }
  Result<void> append_line(std::size_t depth) {
    if (!style_.indent) return {};
    std::string line = "\n";
    for (std::size_t i = 0; i < depth; ++i) line += *style_.indent;
    return append(line);
  }

  Result<void> write_list(const std::vector<Value>& items, std::size_t depth) {
    if (items.empty()) return append("[]");
    MARQUEE_CHECK(append("["));
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) MARQUEE_CHECK(append(style_.item_separator));
      MARQUEE_CHECK(append_line(depth + 1));
      MARQUEE_CHECK(write(items[i], depth + 1));
    }
    MARQUEE_CHECK(append_line(depth));
    return append("]");
  }

  Result<void> write_dict(const Dict& dict, std::size_t depth) {
    if (dict.entries().empty()) return append("{}");
    std::vector<Keyed> entries(dict.entries().begin(), dict.entries().end());
    if (style_.sort_keys) MARQUEE_CHECK(sort_by_key(runtime_, entries, Order::kRising));
    MARQUEE_CHECK(append("{"));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) MARQUEE_CHECK(append(style_.item_separator));
      MARQUEE_CHECK(append_line(depth + 1));
      const Value& key = entries[i].first;
      if (key.is_undefined() || key.is(Kind::kTuple) || key.is(Kind::kObject)) {
        return type_error("keys must be str, int, float, bool or None, not " + key.type_name());
      }
      MARQUEE_CHECK(append(quote_json(key.is_text() ? key.text() : scalar(key), style_.ensure_ascii)));
      MARQUEE_CHECK(append(style_.key_separator));
      MARQUEE_CHECK(write(entries[i].second, depth + 1));
    }
    MARQUEE_CHECK(append_line(depth));
    return append("}");
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
};

Result<void> read_indent(const Value& value, JsonStyle& style) {
  if (value.is(Kind::kNone)) return {};
  if (value.is_text()) {
    style.indent = value.text();
  } else {
    MARQUEE_ASSIGN(const Integer count, to_index(value));
    if (count > kMaxIndent) return value_error(fmt::format("tojson with an indent over {}", kMaxIndent));
    style.indent = std::string(count < 0 ? 0 : static_cast<std::size_t>(count), ' ');
  }
  style.item_separator = ",";
  return {};
}

Result<void> read_separators(Runtime& runtime, const Value& value, JsonStyle& style) {
  if (value.is(Kind::kNone)) return {};
  MARQUEE_ASSIGN(const auto pair, to_items(runtime, value));
  if (pair.size() != 2 || !pair[0].is_text() || !pair[1].is_text()) {
    return type_error("tojson wants two texts as separators");
  }
  style.item_separator = pair[0].text();
  style.key_separator = pair[1].text();
  return {};
}

}  // namespace

Result<std::string> to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  JsonWriter writer(runtime, style);
  MARQUEE_CHECK(writer.write(value, 0));
  return writer.take();
}

Result<Value> tojson_filter(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("tojson", std::move(arguments),
                                                        {optional("ensure_ascii"), optional("indent"),
                                                         optional("separators"), optional("sort_keys")}));
  JsonStyle style;
  MARQUEE_ASSIGN(style.ensure_ascii, bound.flag(runtime, 0, false));
  MARQUEE_CHECK(read_indent(bound.value_or(1, Value()), style));
  MARQUEE_CHECK(read_separators(runtime, bound.value_or(2, Value()), style));
  MARQUEE_ASSIGN(style.sort_keys, bound.flag(runtime, 3, false));
  MARQUEE_ASSIGN(auto text, to_json(runtime, input, style));
  return Value::text(std::move(text));
}

}  // namespace marquee::text::jinja
