#include "text/grammar/gbnf_parser.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace marquee::text::grammar {
namespace {

using base::Result;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source) {}

  Result<Grammar> run() {
    skip_space(true);
    while (!at_end()) MARQUEE_CHECK(read_rule());
    const auto root = rules_.find("root");
    if (root == rules_.end() || !grammar_.rules()[root->second].defined) {
      return base::invalid_argument("it has no rule 'root', which the whole text must match");
    }
    for (const Rule& rule : grammar_.rules()) {
      if (!rule.defined) return base::invalid_argument("the rule '" + rule.name + "' is used but not defined");
    }
    grammar_.set_root(root->second);
    return std::move(grammar_);
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= source_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : source_[at_]; }
  bool take(std::string_view text) {
    if (!source_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  [[nodiscard]] base::Error wrong(const std::string& what) const {
    std::size_t line = 1;
    std::size_t column = 1;
    for (std::size_t i = 0; i < at_ && i < source_.size(); ++i) {
      column = source_[i] == '\n' ? 1 : column + 1;
      if (source_[i] == '\n') ++line;
    }
    return base::invalid_argument("line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what);
  }

  void skip_space(bool newlines) {
    for (; !at_end(); ++at_) {
      if (peek() == '#') {
        while (!at_end() && peek() != '\n') ++at_;
        if (at_end()) return;
      }
      const char c = peek();
      if (c != ' ' && c != '\t' && c != '\r' && !(newlines && c == '\n')) return;
    }
  }

  /// A '|' at the beginning of a line goes on with the rule above.
  void skip_to_alternative() {
    const std::size_t before = at_;
    skip_space(true);
    if (peek() != '|') at_ = before;
  }

  Result<std::string> read_name() {
    const std::size_t begin = at_;
    while (!at_end() && is_name_char(peek())) ++at_;
    if (at_ == begin) return wrong("expected the name of a rule");
    return std::string(source_.substr(begin, at_ - begin));
  }

  RuleId rule_named(const std::string& name) {
    const auto found = rules_.find(name);
    if (found != rules_.end()) return found->second;
    const RuleId id = grammar_.declare(name);
    if (!grammar_.full()) rules_.emplace(name, id);
    return id;
  }

  Result<void> read_rule() {
    const std::size_t begin = at_;
    MARQUEE_ASSIGN(const std::string name, read_name());
    skip_space(false);
    if (!take("::=")) return wrong("expected '::=' after the rule's name");
    skip_space(true);
    const RuleId id = rule_named(name);
    MARQUEE_ASSIGN(const ExprId body, read_alternatives(0));
    skip_space(false);
    if (!at_end() && peek() != '\n') return wrong("expected the end of the line");
    if (grammar_.full()) return too_large();
    if (grammar_.rules()[id].defined) {
      at_ = begin;
      return wrong("the rule '" + name + "' is defined twice");
    }
    grammar_.define(id, body);
    skip_space(true);
    return {};
  }

  [[nodiscard]] base::Error too_large() const {
    return wrong("the grammar is too large: at most " + std::to_string(kMaxRules) + " rules and " +
                 std::to_string(kMaxExpressions) + " parts are allowed");
  }

  Result<ExprId> read_alternatives(std::size_t depth) {
    std::vector<ExprId> options;
    do {
      skip_space(true);
      MARQUEE_ASSIGN(const ExprId option, read_sequence(depth));
      options.push_back(option);
      if (depth == 0) skip_to_alternative();
    } while (take("|"));
    return grammar_.choice(std::move(options));
  }

  Result<ExprId> read_sequence(std::size_t depth) {
    std::vector<ExprId> parts;
    while (true) {
      skip_space(depth > 0);
      const char c = peek();
      if (at_end() || c == '|' || c == ')' || c == '\n') return grammar_.sequence(std::move(parts));
      // On a line of its own a name with '::=' behind it begins the next rule only outside of groups, where the end of
      // the line has ended this one already.
      MARQUEE_ASSIGN(ExprId part, read_part(depth));
      while (true) {
        skip_space(depth > 0);
        MARQUEE_ASSIGN(const bool repeated, read_repetition(part));
        if (!repeated) break;
      }
      parts.push_back(part);
      if (grammar_.full()) return too_large();
    }
  }

  Result<ExprId> read_part(std::size_t depth) {
    const char c = peek();
    if (c == '"') return read_literal();
    if (c == '[') return read_class();
    if (c == '.') {
      ++at_;
      return grammar_.char_class({{0, kMaxCodePoint}});
    }
    if (c == '(') {
      if (depth >= kMaxGbnfNesting) {
        return wrong("groups may nest at most " + std::to_string(kMaxGbnfNesting) + " deep");
      }
      ++at_;
      MARQUEE_ASSIGN(const ExprId group, read_alternatives(depth + 1));
      skip_space(true);
      if (!take(")")) return wrong("expected ')'");
      return group;
    }
    if (!is_name_char(c)) return wrong("expected a literal, a character class, a group or the name of a rule");
    MARQUEE_ASSIGN(const std::string name, read_name());
    return grammar_.reference(rule_named(name));
  }

  /// @return whether there was one
  Result<bool> read_repetition(ExprId& part) {
    std::uint32_t min = 0;
    std::uint32_t max = kUnbounded;
    switch (peek()) {
      case '*': break;
      case '+': min = 1; break;
      case '?': max = 1; break;
      case '{': {
        ++at_;
        MARQUEE_CHECK(read_counts(min, max));
        if (peek() != '}') return wrong("expected '}'");
        break;
      }
      default: return false;
    }
    ++at_;
    part = grammar_.repeat(part, min, max);
    return true;
  }

  Result<void> read_counts(std::uint32_t& min, std::uint32_t& max) {
    skip_space(false);
    min = 0;
    if (peek() != ',') MARQUEE_CHECK(read_count(min));
    skip_space(false);
    max = min;
    if (!take(",")) return {};
    skip_space(false);
    max = kUnbounded;
    if (peek() != '}') MARQUEE_CHECK(read_count(max));
    skip_space(false);
    if (max < min) return wrong("the second count must not be below the first");
    return {};
  }

  Result<void> read_count(std::uint32_t& count) {
    std::uint32_t value = 0;
    const std::size_t begin = at_;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (value > kMaxGbnfCount) return wrong("a count may be at most " + std::to_string(kMaxGbnfCount));
    }
    if (at_ == begin) return wrong("expected a count");
    count = value;
    return {};
  }

  Result<ExprId> read_literal() {
    ++at_;
    std::string text;
    while (peek() != '"' || at_end()) {
      if (at_end() || peek() == '\n') return wrong("expected '\"' to end the literal");
      MARQUEE_ASSIGN(const char32_t c, read_char());
      base::append_utf8(text, c);
    }
    ++at_;
    return grammar_.literal(text);
  }

  Result<ExprId> read_class() {
    ++at_;
    const bool inverse = take("^");
    CharClass ranges;
    while (peek() != ']' || at_end()) {
      if (at_end() || peek() == '\n') return wrong("expected ']' to end the character class");
      MARQUEE_ASSIGN(const char32_t low, read_char());
      char32_t high = low;
      if (peek() == '-' && source_.substr(at_).size() > 1 && source_[at_ + 1] != ']') {
        ++at_;
        if (at_end()) return wrong("expected ']' to end the character class");
        MARQUEE_ASSIGN(high, read_char());
      }
      if (high < low) return wrong("the range's end lies before its beginning");
      ranges.push_back({low, high});
    }
    ++at_;
    ranges = normalised(std::move(ranges));
    return grammar_.char_class(inverse ? inverted(ranges) : std::move(ranges));
  }

  /// A character of a literal or class, with escapes. @pre not at the end
  Result<char32_t> read_char() {
    if (peek() != '\\') {
      const auto decoded = base::decode_utf8(source_.substr(at_));
      if (!decoded.valid) return wrong("the grammar must be valid UTF-8");
      at_ += decoded.length;
      return decoded.code_point;
    }
    ++at_;
    if (at_end()) return wrong("expected a character after '\\'");
    const char c = source_[at_++];
    switch (c) {
      case 'n': return U'\n';
      case 't': return U'\t';
      case 'r': return U'\r';
      case '"':
      case '[':
      case ']':
      case '^':
      case '-':
      case '/':
      case '\\': return static_cast<char32_t>(c);
      case 'x': return read_hex(2);
      case 'u': return read_hex(4);
      case 'U': return read_hex(8);
      default: break;
    }
    --at_;
    return wrong("unknown escape; known are \\n \\t \\r \\\" \\[ \\] \\^ \\- \\/ \\\\ \\xHH \\uHHHH \\UHHHHHHHH");
  }

  Result<char32_t> read_hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = hex_value(peek());
      if (digit < 0) return wrong("expected " + std::to_string(digits) + " hexadecimal digits");
      value = value * 16 + static_cast<char32_t>(digit);
      ++at_;
    }
    if (value > kMaxCodePoint || (value >= 0xD800 && value <= 0xDFFF)) return wrong("not a Unicode character");
    return value;
  }

  std::string_view source_;
  std::size_t at_ = 0;
  Grammar grammar_;
  std::map<std::string, RuleId> rules_;
};

}  // namespace

Result<Grammar> parse_gbnf(std::string_view source) {
  if (source.size() > kMaxGbnfBytes) {
    return base::invalid_argument("it has " + std::to_string(source.size()) + " bytes; at most " +
                                  std::to_string(kMaxGbnfBytes) + " are allowed");
  }
  return Parser(source).run();
}

}  // namespace marquee::text::grammar
