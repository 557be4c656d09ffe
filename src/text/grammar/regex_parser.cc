#include "text/grammar/regex_parser.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace marquee::text::grammar {
namespace {

using base::Result;

const CharClass kAnything = {{0, kMaxCodePoint}};
const CharClass kDecimalDigits = {{'0', '9'}};
const CharClass kWordCharacters = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CharClass kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
// WhiteSpace and LineTerminator. @source ECMA-262, sections 12.2 and 12.3
const CharClass kWhiteSpace = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                               {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                               {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};

std::uint32_t sum(std::uint32_t a, std::uint32_t b) {
  return a == kUnbounded || b == kUnbounded || a + std::uint64_t{b} >= kUnbounded ? kUnbounded : a + b;
}

std::uint32_t product(std::uint32_t a, std::uint32_t b) {
  if (a == 0 || b == 0) return 0;
  return a == kUnbounded || b == kUnbounded || std::uint64_t{a} * b >= kUnbounded ? kUnbounded : a * b;
}

class PatternParser {
 public:
  PatternParser(std::string_view pattern, Grammar& grammar, JsonRules& rules)
      : pattern_(pattern), grammar_(grammar), rules_(rules) {}

  Result<PatternExpr> run() {
    std::vector<PatternExpr> options;
    do {
      MARQUEE_ASSIGN(const PatternExpr option, read_anchored());
      options.push_back(option);
    } while (take("|"));
    if (!at_end()) return wrong("unexpected '" + std::string(1, peek()) + "'");
    return one_of(options);
  }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= pattern_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : pattern_[at_]; }
  bool take(std::string_view text) {
    if (!pattern_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  [[nodiscard]] base::Error wrong(const std::string& what) const {
    return base::invalid_argument("column " + std::to_string(at_ + 1) + " of the pattern: " + what);
  }

  PatternExpr characters(const CharClass& ranges) { return {rules_.character(ranges), 1, 1}; }
  PatternExpr anywhere() { return {grammar_.repeat(rules_.character(kAnything), 0, kUnbounded), 0, kUnbounded}; }

  PatternExpr joined(const std::vector<PatternExpr>& parts) {
    PatternExpr all{0, 0, 0};
    std::vector<ExprId> contents;
    for (const PatternExpr& part : parts) {
      contents.push_back(part.content);
      all.min_characters = sum(all.min_characters, part.min_characters);
      all.max_characters = sum(all.max_characters, part.max_characters);
    }
    all.content = grammar_.sequence(std::move(contents));
    return all;
  }

  PatternExpr one_of(const std::vector<PatternExpr>& options) {
    PatternExpr all{0, kUnbounded, 0};
    std::vector<ExprId> contents;
    for (const PatternExpr& option : options) {
      contents.push_back(option.content);
      all.min_characters = std::min(all.min_characters, option.min_characters);
      all.max_characters = std::max(all.max_characters, option.max_characters);
    }
    all.content = grammar_.choice(std::move(contents));
    return all;
  }

  /// An alternative of the whole pattern.
  Result<PatternExpr> read_anchored() {
    std::vector<PatternExpr> parts;
    if (!take("^")) parts.push_back(anywhere());
    MARQUEE_ASSIGN(const PatternExpr body, read_sequence(0));
    parts.push_back(body);
    if (!take("$")) parts.push_back(anywhere());
    return joined(parts);
  }

  Result<PatternExpr> read_alternatives(std::size_t depth) {
    std::vector<PatternExpr> options;
    do {
      MARQUEE_ASSIGN(const PatternExpr option, read_sequence(depth));
      options.push_back(option);
    } while (take("|"));
    return one_of(options);
  }

  Result<PatternExpr> read_sequence(std::size_t depth) {
    std::vector<PatternExpr> parts;
    while (!at_end() && peek() != '|' && peek() != ')' && peek() != '$') {
      MARQUEE_ASSIGN(PatternExpr part, read_atom(depth));
      MARQUEE_CHECK(read_quantifier(part));
      parts.push_back(part);
      if (grammar_.full()) return wrong("the schema is too large");
    }
    if (peek() == '$' && depth > 0) return wrong("'$' is only supported at the end of the whole pattern");
    return joined(parts);
  }

  Result<PatternExpr> read_atom(std::size_t depth) {
    const char c = peek();
    if (c == '(') return read_group(depth);
    if (c == '[') return read_class();
    if (c == '.') {
      ++at_;
      return characters(inverted(kLineEnds));
    }
    if (c == '^') return wrong("'^' is only supported at the beginning of the whole pattern");
    if (c == '*' || c == '+' || c == '?' || c == '{') return wrong("nothing to repeat");
    MARQUEE_ASSIGN(const CharClass one, read_character(false));
    return characters(one);
  }

  Result<PatternExpr> read_group(std::size_t depth) {
    if (depth >= kMaxPatternNesting) {
      return wrong("groups may nest at most " + std::to_string(kMaxPatternNesting) + " deep");
    }
    ++at_;
    if (take("?<")) {
      if (peek() == '=' || peek() == '!') return wrong("look-behind is not supported");
      const std::size_t end = pattern_.find('>', at_);
      if (end == std::string_view::npos) return wrong("expected '>' behind the group's name");
      at_ = end + 1;
    } else if (peek() == '?' && !take("?:")) {
      return wrong("look-ahead is not supported");
    }
    MARQUEE_ASSIGN(const PatternExpr group, read_alternatives(depth + 1));
    if (!take(")")) return wrong("expected ')'");
    return group;
  }

  Result<void> read_quantifier(PatternExpr& part) {
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
      default: return {};
    }
    ++at_;
    take("?");  // how much a part prefers to take does not change what the whole matches
    part.content = grammar_.repeat(part.content, min, max);
    part.min_characters = product(part.min_characters, min);
    part.max_characters = product(part.max_characters, max);
    return {};
  }

  Result<void> read_counts(std::uint32_t& min, std::uint32_t& max) {
    MARQUEE_ASSIGN(min, read_count());
    max = min;
    if (!take(",")) return {};
    max = kUnbounded;
    if (peek() != '}') {
      MARQUEE_ASSIGN(max, read_count());
    }
    if (max < min) return wrong("the second count must not be below the first");
    return {};
  }

  Result<std::uint32_t> read_count() {
    std::uint32_t value = 0;
    const std::size_t begin = at_;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (value > kMaxPatternCount) return wrong("a count may be at most " + std::to_string(kMaxPatternCount));
    }
    if (at_ == begin) return wrong("expected a count");
    return value;
  }

  Result<PatternExpr> read_class() {
    ++at_;
    const bool inverse = take("^");
    CharClass ranges;
    while (peek() != ']' || at_end()) {
      if (at_end()) return wrong("expected ']'");
      MARQUEE_ASSIGN(const CharClass low, read_character(true));
      const bool range = peek() == '-' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']';
      if (!range) {
        ranges.insert(ranges.end(), low.begin(), low.end());
        continue;
      }
      ++at_;
      MARQUEE_ASSIGN(const CharClass high, read_character(true));
      const bool single =
          low.size() == 1 && low[0].low == low[0].high && high.size() == 1 && high[0].low == high[0].high;
      if (!single || high[0].low < low[0].low) return wrong("not a range of characters");
      ranges.push_back({low[0].low, high[0].low});
    }
    ++at_;
    ranges = normalised(std::move(ranges));
    return characters(inverse ? inverted(ranges) : ranges);
  }

  /// One character or escape. @pre not at the end
  Result<CharClass> read_character(bool in_class) {
    if (peek() != '\\') {
      const auto decoded = base::decode_utf8(pattern_.substr(at_));
      if (!decoded.valid) return wrong("not valid UTF-8");
      at_ += decoded.length;
      return CharClass{{decoded.code_point, decoded.code_point}};
    }
    ++at_;
    if (at_end()) return wrong("expected a character behind '\\'");
    const char c = pattern_[at_++];
    switch (c) {
      case 'd': return kDecimalDigits;
      case 'D': return inverted(kDecimalDigits);
      case 'w': return kWordCharacters;
      case 'W': return inverted(kWordCharacters);
      case 's': return kWhiteSpace;
      case 'S': return inverted(kWhiteSpace);
      case 'n': return CharClass{{'\n', '\n'}};
      case 'r': return CharClass{{'\r', '\r'}};
      case 't': return CharClass{{'\t', '\t'}};
      case 'f': return CharClass{{'\f', '\f'}};
      case 'v': return CharClass{{'\v', '\v'}};
      case '0': return CharClass{{0, 0}};
      case 'x': return read_hex(2);
      case 'u': return read_hex(4);
      default: break;
    }
    if (in_class && c == 'b') return CharClass{{'\b', '\b'}};
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '1' && c <= '9');
    if (letter || static_cast<unsigned char>(c) >= 0x80) {
      --at_;
      return wrong("the escape '\\" + std::string(static_cast<unsigned char>(c) < 0x80 ? 1 : 0, c) +
                   "' is not supported");
    }
    return CharClass{{static_cast<char32_t>(c), static_cast<char32_t>(c)}};
  }

  Result<CharClass> read_hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = peek();
      const bool digit = c >= '0' && c <= '9';
      const char lower = static_cast<char>(c | 0x20);
      if (!digit && (lower < 'a' || lower > 'f')) return wrong("expected a hexadecimal digit");
      value = value * 16 + static_cast<char32_t>(digit ? c - '0' : lower - 'a' + 10);
    }
    if (value >= 0xD800 && value <= 0xDFFF) return wrong("halves of surrogate pairs are not supported");
    return CharClass{{value, value}};
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  Grammar& grammar_;
  JsonRules& rules_;
};

}  // namespace

Result<PatternExpr> parse_pattern(std::string_view pattern, Grammar& grammar, JsonRules& rules) {
  if (pattern.size() > kMaxPatternBytes) {
    return base::invalid_argument("a pattern may have at most " + std::to_string(kMaxPatternBytes) + " bytes");
  }
  return PatternParser(pattern, grammar, rules).run();
}

}  // namespace marquee::text::grammar
