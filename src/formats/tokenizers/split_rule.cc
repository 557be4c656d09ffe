#include "formats/tokenizers/split_rule.h"

#include <array>
#include <limits>

namespace marquee::formats {
namespace {

constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();

bool is_line_break(char32_t c) { return c == '\r' || c == '\n'; }

bool is_ascii_letter(char32_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool is_ascii_punctuation(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

bool is_cjk_or_kana(char32_t c) { return (c >= 0x4E00 && c <= 0x9FA5) || (c >= 0x3040 && c <= 0x30FF); }

/// The simple case folding of what can match a letter of a contraction: ASCII, and the long s, which folds to s.
char32_t fold(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + ('a' - 'A');
  return c == 0x17F ? U's' : c;
}

/// The end of a contraction that begins at `at`, or `at`.
std::size_t match_contraction(const CharScanner& text, std::size_t at, bool any_case) {
  if (text.text()[at] != '\'' || at + 1 >= text.size()) return at;
  const auto read = [&](std::size_t where) {
    const auto c = text.at(where);
    return ScannedChar{any_case ? fold(c.code_point) : c.code_point, c.length, c.classes};
  };
  const auto first = read(at + 1);
  const std::size_t after_first = at + 1 + first.length;
  switch (first.code_point) {
    case 's':
    case 't':
    case 'm':
    case 'd': return after_first;
    case 'r':
    case 'v':
    case 'l': break;
    default: return at;
  }
  if (after_first >= text.size()) return at;
  const auto second = read(after_first);
  const char32_t wanted = first.code_point == 'l' ? U'l' : U'e';
  return second.code_point == wanted ? after_first + second.length : at;
}

/// Consumes `[upper marks others]*[lower marks others]+` from `at`; `at` if there is no match. A run of upper-case
/// letters is given back up to its last letter that has no case.
std::size_t match_lower_end(const CharScanner& text, std::size_t at) {
  std::size_t end_of_uppers = at;
  std::size_t after_last_caseless = at;
  while (end_of_uppers < text.size()) {
    const auto c = text.at(end_of_uppers);
    if ((c.classes & (kLetter | kMark)) == 0 || (c.classes & kLower) != 0) break;
    end_of_uppers += c.length;
    if ((c.classes & kUpper) == 0) after_last_caseless = end_of_uppers;
  }
  std::size_t end = end_of_uppers;
  while (end < text.size()) {
    const auto c = text.at(end);
    if ((c.classes & (kLetter | kMark)) == 0 || (c.classes & kUpper) != 0) break;
    end += c.length;
  }
  return end > end_of_uppers ? end : after_last_caseless;
}

/// Consumes `[upper marks others]+[lower marks others]*`.
std::size_t match_upper_start(const CharScanner& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size()) {
    const auto c = text.at(end);
    if ((c.classes & (kLetter | kMark)) == 0 || (c.classes & kLower) != 0) break;
    end += c.length;
  }
  if (end == at) return at;
  while (end < text.size()) {
    const auto c = text.at(end);
    if ((c.classes & (kLetter | kMark)) == 0 || (c.classes & kUpper) != 0) break;
    end += c.length;
  }
  return end;
}

}  // namespace

std::size_t SplitRule::match(const CharScanner& text, std::size_t at) const {
  if (contractions == Contractions::kLowerCase || contractions == Contractions::kAnyCase) {
    const auto end = match_contraction(text, at, contractions == Contractions::kAnyCase);
    if (end > at) return end;
  }
  if (const auto end = match_word(text, at); end > at) return end;
  if (const auto end = match_number(text, at); end > at) return end;
  if (const auto end = match_others(text, at); end > at) return end;
  return match_spaces(text, at);
}

std::size_t SplitRule::match_word(const CharScanner& text, std::size_t at) const {
  const auto first = text.at(at);
  const std::size_t second_at = at + first.length;
  const std::uint8_t letters = marks_in_words ? kLetter | kMark : kLetter;
  const bool prefix_may_be_given_back = (first.classes & letters) != 0;
  switch (words) {
    case Words::kNone: return at;
    case Words::kCjk: {
      std::size_t end = at;
      for (auto c = first; is_cjk_or_kana(c.code_point); c = text.at(end)) {
        end += c.length;
        if (end >= text.size()) break;
      }
      return end;
    }
    case Words::kAfterSpace: {
      const std::size_t start = first.code_point == ' ' ? second_at : at;
      const std::size_t end = text.run(start, letters);
      return end > start ? end : at;
    }
    case Words::kCased: return match_cased(text, at);
    case Words::kAfterAny:
    case Words::kDeepSeek: break;
  }
  const bool deepseek = words == Words::kDeepSeek;
  if (deepseek && is_ascii_punctuation(first.code_point) && second_at < text.size() &&
      is_ascii_letter(text.at(second_at).code_point)) {
    std::size_t end = second_at;
    while (end < text.size() && is_ascii_letter(text.at(end).code_point)) ++end;
    return end;
  }
  const std::uint8_t no_prefix = deepseek ? kLetter | kPunctuation | kSymbol : kLetter | kNumber;
  if ((first.classes & no_prefix) == 0 && !is_line_break(first.code_point)) {
    const std::size_t end = text.run(second_at, letters);
    if (end > second_at) return end;
  }
  return prefix_may_be_given_back ? text.run(at, letters) : at;
}

std::size_t SplitRule::match_cased(const CharScanner& text, std::size_t at) const {
  const auto first = text.at(at);
  const std::size_t second_at = at + first.length;
  const bool may_be_prefix = (first.classes & (kLetter | kNumber)) == 0 && !is_line_break(first.code_point);
  std::size_t end = at;
  if (may_be_prefix) {
    const auto found = match_lower_end(text, second_at);
    if (found > second_at) end = found;
  }
  if (end == at) end = match_lower_end(text, at);
  if (end == at && may_be_prefix) {
    const auto found = match_upper_start(text, second_at);
    if (found > second_at) end = found;
  }
  if (end == at) end = match_upper_start(text, at);
  if (end > at && end < text.size() && contractions == Contractions::kSuffix) {
    end = match_contraction(text, end, true);
  }
  return end;
}

std::size_t SplitRule::match_number(const CharScanner& text, std::size_t at) const {
  if (number_run == 0) return at;
  std::size_t start = at;
  if (space_before_number && text.text()[at] == ' ') ++start;
  std::size_t end = start;
  for (std::uint32_t count = 0; count < number_run && end < text.size(); ++count) {
    const auto c = text.at(end);
    if ((c.classes & kNumber) == 0) break;
    end += c.length;
  }
  return end > start ? end : at;
}

std::size_t SplitRule::match_others(const CharScanner& text, std::size_t at) const {
  if (!others) return at;
  const bool only_signs = words == Words::kDeepSeek;
  const auto belongs = [&](std::uint8_t classes) {
    if (only_signs) return (classes & (kPunctuation | kSymbol)) != 0;
    const bool in_words = marks_in_words && words != Words::kCased && (classes & kMark) != 0;
    return (classes & (kSpace | kLetter | kNumber)) == 0 && !in_words;
  };
  const std::size_t start = text.text()[at] == ' ' ? at + 1 : at;
  std::size_t end = start;
  while (end < text.size()) {
    const auto c = text.at(end);
    if (!belongs(c.classes)) break;
    end += c.length;
  }
  if (end == start) return at;
  while (trailer != Trailer::kNothing && end < text.size()) {
    const char c = text.text()[end];
    if (c != '\r' && c != '\n' && !(c == '/' && trailer == Trailer::kNewlinesAndSlashes)) break;
    ++end;
  }
  return end;
}

std::size_t SplitRule::match_spaces(const CharScanner& text, std::size_t at) const {
  if (!spaces) return at;
  std::size_t end = at;
  std::size_t last_start = at;
  std::size_t after_break = at;
  while (end < text.size()) {
    const auto c = text.at(end);
    if ((c.classes & kSpace) == 0) break;
    last_start = end;
    end += c.length;
    if (is_line_break(c.code_point)) after_break = end;
  }
  if (line_breaks && after_break > at) return after_break;
  // The last space belongs to the word that follows, unless it is the only one.
  return end == text.size() || last_start == at ? end : last_start;
}

SplitRule SplitRule::gpt2() {
  SplitRule rule;
  rule.contractions = Contractions::kLowerCase;
  rule.words = Words::kAfterSpace;
  rule.number_run = kUnlimited;
  rule.space_before_number = true;
  rule.others = true;
  rule.spaces = true;
  return rule;
}

SplitRule SplitRule::llama3() {
  SplitRule rule;
  rule.contractions = Contractions::kAnyCase;
  rule.words = Words::kAfterAny;
  rule.number_run = 3;
  rule.others = true;
  rule.trailer = Trailer::kNewlines;
  rule.line_breaks = true;
  rule.spaces = true;
  return rule;
}

SplitRule SplitRule::qwen2() {
  SplitRule rule = llama3();
  rule.number_run = 1;
  return rule;
}

SplitRule SplitRule::qwen35() {
  SplitRule rule = qwen2();
  rule.marks_in_words = true;
  return rule;
}

SplitRule SplitRule::seed_coder() {
  SplitRule rule = qwen2();
  rule.trailer = Trailer::kNothing;
  return rule;
}

SplitRule SplitRule::gpt4o() {
  SplitRule rule = llama3();
  rule.contractions = Contractions::kSuffix;
  rule.words = Words::kCased;
  rule.marks_in_words = true;
  rule.trailer = Trailer::kNewlinesAndSlashes;
  return rule;
}

SplitRule SplitRule::tekken() {
  SplitRule rule = gpt4o();
  rule.contractions = Contractions::kNone;
  rule.number_run = 1;
  return rule;
}

SplitRule SplitRule::deepseek3() {
  SplitRule rule;
  rule.words = Words::kDeepSeek;
  rule.marks_in_words = true;
  rule.others = true;
  rule.trailer = Trailer::kNewlines;
  rule.line_breaks = true;
  rule.spaces = true;
  return rule;
}

SplitRule SplitRule::cjk_run() {
  SplitRule rule;
  rule.words = Words::kCjk;
  return rule;
}

SplitRule SplitRule::number(std::uint32_t run) {
  SplitRule rule;
  rule.number_run = run;
  return rule;
}

std::optional<SplitRule> SplitRule::from_regex(std::string_view regex) {
  struct Known {
    std::string_view regex;
    SplitRule (*rule)();
  };
  static constexpr std::array<Known, 13> kKnown = {{
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", &SplitRule::gpt2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       &SplitRule::llama3},
      {R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       &SplitRule::qwen2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       &SplitRule::qwen2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       &SplitRule::qwen35},
      {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       &SplitRule::tekken},
      {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       &SplitRule::gpt4o},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)",
       &SplitRule::seed_coder},
      {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
       &SplitRule::qwen2},
      {"[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| "
       "?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
       &SplitRule::deepseek3},
      {"[一-龥぀-ゟ゠-ヿ]+", &SplitRule::cjk_run},
      {R"(\p{N}{1,3})", +[] { return SplitRule::number(3); }},
      {R"(\p{N})", +[] { return SplitRule::number(1); }},
  }};
  for (const auto& known : kKnown) {
    if (known.regex == regex) return known.rule();
  }
  return std::nullopt;
}

}  // namespace marquee::formats
