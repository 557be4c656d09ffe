#include "text/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "text/jinja/budget.h"
#include "text/jinja/text_literal.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

bool is_digit_character(char c) { return c >= '0' && c <= '9'; }
bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit_character(c);
}

/// Line breaks become \n, and one at the end is dropped.
std::string normalize_lines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

/// How many bytes of `text` the digits of `base` at `from` take, with single underscores between them.
std::size_t digits_length(std::string_view text, std::size_t from, std::string_view digits) {
  std::size_t at = from;
  while (at < text.size()) {
    if (digits.find(text[at]) != std::string_view::npos) {
      ++at;
    } else if (text[at] == '_' && at > from && text[at - 1] != '_' && at + 1 < text.size() &&
               digits.find(text[at + 1]) != std::string_view::npos) {
      ++at;
    } else {
      break;
    }
  }
  return at - from;
}

constexpr std::string_view kDecimalDigits = "0123456789";

/// 0 if there is no real number at the start of `text`.
std::size_t real_length(std::string_view text) {
  std::size_t at = digits_length(text, 0, kDecimalDigits);
  if (at == 0) return 0;
  bool real = false;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = digits_length(text, at + 1, kDecimalDigits);
    if (fraction > 0) {
      at += 1 + fraction;
      real = true;
    }
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    std::size_t digits = at + 1;
    if (digits < text.size() && (text[digits] == '+' || text[digits] == '-')) ++digits;
    if (const std::size_t length = digits_length(text, digits, kDecimalDigits); length > 0) return digits + length;
  }
  return real ? at : 0;
}

std::size_t integer_length(std::string_view text) {
  if (text[0] == '0' && text.size() > 2) {
    const char mark = static_cast<char>(text[1] | 0x20);
    const std::string_view digits = mark == 'x'   ? "0123456789abcdefABCDEF"
                                    : mark == 'o' ? "01234567"
                                    : mark == 'b' ? "01"
                                                  : "";
    const std::size_t first = text[2] == '_' ? 3 : 2;
    if (const std::size_t length = digits_length(text, first, digits); !digits.empty() && length > 0) {
      return first + length;
    }
  }
  return digits_length(text, 0, text[0] == '0' ? std::string_view("0") : kDecimalDigits);
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  base::Result<std::vector<Token>> run() {
    while (at_ < source_.size()) MARQUEE_CHECK(read_root());
    tokens_.push_back({TokenKind::kEnd, "", position_of(at_)});
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] std::string_view rest() const { return std::string_view(source_).substr(at_); }
  [[nodiscard]] bool follows(std::string_view what) const { return rest().starts_with(what); }
  [[nodiscard]] std::size_t skip_space(std::size_t from) const {
    return source_.size() - strip(std::string_view(source_).substr(from), Side::kLeft).size();
  }

  /// Offsets must not go back from call to call.
  Position position_of(std::size_t offset) {
    for (; counted_ < offset; ++counted_) {
      const auto byte = static_cast<unsigned char>(source_[counted_]);
      if (byte == '\n') {
        ++position_.line;
        position_.column = 1;
      } else if ((byte & 0xC0U) != 0x80U) {
        ++position_.column;
      }
    }
    return position_;
  }

  /// The data before a tag, shortened by the tag's `-` or by lstrip_blocks.
  void add_data(std::string_view text, char sign, bool block) {
    if (sign == '-') {
      text = strip(text, Side::kRight);
    } else if (block && sign != '+') {
      const std::size_t line = text.rfind('\n') + 1;
      if ((line > 0 || line_starts_) && strip(text.substr(line), Side::kLeft).empty()) text = text.substr(0, line);
    }
    if (!text.empty()) tokens_.push_back({TokenKind::kData, std::string(text), position_of(at_)});
  }

  /// If a tag of the given ending stands at `from`: the offset after it and after the whitespace it takes along.
  [[nodiscard]] std::size_t match_end(std::size_t from, std::string_view end, bool plus, bool trims) const {
    const std::string_view text = std::string_view(source_).substr(from);
    if (text.starts_with(end)) {
      const std::size_t after = from + end.size();
      return trims && after < source_.size() && source_[after] == '\n' ? after + 1 : after;
    }
    if (text.size() <= end.size() || text.substr(1, end.size()) != end) return 0;
    if (text[0] == '-') return skip_space(from + 1 + end.size());
    return plus && text[0] == '+' ? from + 1 + end.size() : 0;
  }

  void move_to(std::size_t offset) {
    line_starts_ = offset > 0 && source_[offset - 1] == '\n';
    at_ = offset;
  }

  char sign_at(std::size_t offset) const {
    const char c = offset < source_.size() ? source_[offset] : ' ';
    return c == '-' || c == '+' ? c : ' ';
  }

  /// Of a {% raw %} or {% endraw %} whose {% is at `from`: where its name ends; 0 if it is none.
  std::size_t match_raw(std::size_t from, std::string_view name) const {
    const std::size_t start = skip_space(from + 2 + (sign_at(from + 2) == ' ' ? 0 : 1));
    if (!std::string_view(source_).substr(start).starts_with(name)) return 0;
    return skip_space(start + name.size());
  }

  base::Result<void> read_root() {
    std::size_t tag = source_.find('{', at_);
    while (tag != std::string::npos &&
           (tag + 1 >= source_.size() || std::string_view("{%#").find(source_[tag + 1]) == std::string_view::npos)) {
      tag = source_.find('{', tag + 1);
    }
    if (tag == std::string::npos) {
      tokens_.push_back({TokenKind::kData, source_.substr(at_), position_of(at_)});
      at_ = source_.size();
      return {};
    }
    const char kind = source_[tag + 1];
    const char sign = sign_at(tag + 2);
    add_data(std::string_view(source_).substr(at_, tag - at_), sign, kind != '{');
    if (kind == '%') {
      const std::size_t name_end = match_raw(tag, "raw");
      const std::size_t raw = name_end == 0 ? 0 : match_end(name_end, "%}", false, false);
      if (raw != 0) return read_raw(tag, raw);
    }
    const std::size_t inside = tag + 2 + (sign == ' ' ? 0 : 1);
    if (kind == '#') return read_comment(tag, inside);
    const bool block = kind == '%';
    const Position position = position_of(tag);
    tokens_.push_back({block ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, "", position});
    move_to(inside);
    return read_code(position, block);
  }

  base::Result<void> read_raw(std::size_t tag, std::size_t start) {
    move_to(start);
    for (std::size_t at = source_.find("{%", start); at != std::string::npos; at = source_.find("{%", at + 1)) {
      const std::size_t name_end = match_raw(at, "endraw");
      const std::size_t end = name_end == 0 ? 0 : match_end(name_end, "%}", true, true);
      if (end == 0) continue;
      add_data(std::string_view(source_).substr(start, at - start), sign_at(at + 2), true);
      move_to(end);
      return {};
    }
    if (start == source_.size()) return {};  // as Jinja has it; a comment likewise
    return syntax_error(position_of(tag), "this {% raw %} has no {% endraw %}");
  }

  base::Result<void> read_comment(std::size_t tag, std::size_t inside) {
    for (std::size_t at = source_.find("#}", inside); at != std::string::npos; at = source_.find("#}", at + 1)) {
      const std::size_t from = at > inside && sign_at(at - 1) != ' ' ? at - 1 : at;
      if (const std::size_t end = match_end(from, "#}", true, true); end != 0) {
        move_to(end);
        return {};
      }
    }
    if (inside == source_.size()) return move_to(inside), base::Result<void>();
    return syntax_error(position_of(tag), "this comment has no #}");
  }

  base::Result<void> read_code(Position tag, bool block) {
    while (at_ < source_.size()) {
      const std::size_t end = open_.empty() ? match_end(at_, block ? "%}" : "}}", block, block) : 0;
      if (end != 0) {
        tokens_.push_back({block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, "", position_of(at_)});
        move_to(end);
        return {};
      }
      if (const std::size_t after = skip_space(at_); after != at_) {
        move_to(after);
        continue;
      }
      MARQUEE_CHECK(read_token());
    }
    return syntax_error(tag, block ? "this {% has no %}" : "this {{ has no }}");
  }

  void add(TokenKind kind, std::size_t length) {
    std::string text(rest().substr(0, length));
    if (kind == TokenKind::kInteger || kind == TokenKind::kReal) std::erase(text, '_');
    tokens_.push_back({kind, std::move(text), position_of(at_)});
    move_to(at_ + length);
  }

  base::Result<void> read_token() {
    const std::string_view text = rest();
    const char c = text.front();
    if (is_digit_character(c)) {
      const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
      const std::size_t real = after_dot ? 0 : real_length(text);
      add(real > 0 ? TokenKind::kReal : TokenKind::kInteger, real > 0 ? real : integer_length(text));
      return {};
    }
    if (is_name_character(c)) {
      const auto end = std::find_if_not(text.begin(), text.end(), is_name_character);
      add(TokenKind::kName, static_cast<std::size_t>(end - text.begin()));
      return {};
    }
    if (c == '"' || c == '\'') return read_text(c);
    return read_operator();
  }

  base::Result<void> read_text(char mark) {
    const Position start = position_of(at_);
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != mark) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return syntax_error(start, "this text has no closing quote");
    auto text = resolve_escapes(std::string_view(source_).substr(at_ + 1, end - at_ - 1));
    if (!text) return at_position(std::move(text).error(), start);
    tokens_.push_back({TokenKind::kText, std::move(*text), start});
    move_to(end + 1);
    return {};
  }

  base::Result<void> read_operator() {
    constexpr std::array<std::string_view, 25> kOperators = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                             "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                             ">",  "<",  "=",  ".",  ":",  "|",  ","};
    const auto* found =
        std::find_if(kOperators.begin(), kOperators.end(), [&](std::string_view symbol) { return follows(symbol); });
    const Position position = position_of(at_);
    if (found == kOperators.end()) {
      const std::size_t length = base::decode_utf8(rest()).length;
      return syntax_error(position, fmt::format("unexpected character '{}'", rest().substr(0, length)));
    }
    const char symbol = found->front();
    if (const auto opening = std::string_view("([{").find(symbol); opening != std::string_view::npos) {
      open_.push_back(")]}"[opening]);
    } else if (std::string_view(")]}").find(symbol) != std::string_view::npos) {
      if (open_.empty()) return syntax_error(position, fmt::format("unexpected '{}'", symbol));
      if (open_.back() != symbol) {
        return syntax_error(position, fmt::format("unexpected '{}', expected '{}'", symbol, open_.back()));
      }
      open_.pop_back();
    }
    add(TokenKind::kOperator, found->size());
    return {};
  }

  std::string source_;
  std::size_t at_ = 0;
  bool line_starts_ = true;
  std::string open_;  ///< the closing brackets to come
  std::vector<Token> tokens_;
  std::size_t counted_ = 0;
  Position position_;
};

}  // namespace

std::string to_string(Position position) { return fmt::format("line {}, column {}", position.line, position.column); }

base::Error at_position(base::Error error, Position position) {
  error.message = fmt::format("chat template, {}: {}", to_string(position), error.message);
  return error;
}

base::Error syntax_error(Position position, std::string message) {
  return at_position(base::invalid_argument(std::move(message)), position);
}

base::Result<std::vector<Token>> tokenize(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return base::Error{base::ErrorCode::kTooLarge,
                       fmt::format("the chat template has {} bytes; {} are allowed", source.size(), kMaxSourceBytes)};
  }
  if (!base::is_valid_utf8(source)) return base::invalid_argument("the chat template is not valid UTF-8");
  return Lexer(normalize_lines(source)).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kData: return "text";
    case TokenKind::kVariableBegin: return "'{{'";
    case TokenKind::kVariableEnd: return "'}}'";
    case TokenKind::kBlockBegin: return "'{%'";
    case TokenKind::kBlockEnd: return "'%}'";
    case TokenKind::kText: return "a text";
    case TokenKind::kName:
    case TokenKind::kInteger:
    case TokenKind::kReal:
    case TokenKind::kOperator: return "'" + token.text + "'";
    case TokenKind::kEnd: return "the end of the template";
  }
  return "?";
}

}  // namespace marquee::text::jinja
