#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/tokenizers/char_class.h"

namespace marquee::formats {

/// A published pre-tokenisation regular expression, as the choices in which these expressions differ. Matching reads
/// only forward and passes over each character a bounded number of times.
struct SplitRule {
  /// English contractions ('s 't 're 've 'm 'll 'd).
  enum class Contractions : std::uint8_t {
    kNone,
    kLowerCase,  ///< `'s|'t|…` as pieces of their own
    kAnyCase,    ///< `(?i:'s|'t|…)` as pieces of their own
    kSuffix,     ///< `(?i:'s|'t|…)?` at the end of a word
  };
  /// What a word is.
  enum class Words : std::uint8_t {
    kNone,
    kAfterSpace,  ///< ` ?\p{L}+`
    kAfterAny,    ///< `[^\r\n\p{L}\p{N}]?\p{L}+`
    kCased,       ///< the same, also broken between lower case and upper case
    kDeepSeek,    ///< `[ASCII punctuation][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+`
    kCjk,         ///< `[一-龥぀-ゟ゠-ヿ]+` and nothing else
  };
  /// What may follow a run of other characters, inside its piece.
  enum class Trailer : std::uint8_t { kNothing, kNewlines, kNewlinesAndSlashes };
  Contractions contractions = Contractions::kNone;
  Words words = Words::kNone;
  bool marks_in_words = false;       ///< `[\p{L}\p{M}]` where others have `\p{L}`
  std::uint32_t number_run = 0;      ///< `\p{N}{1,number_run}`; 0: no rule for numbers
  bool space_before_number = false;  ///< ` ?\p{N}+`
  bool others = false;               ///< ` ?[^\s\p{L}\p{N}]+`
  Trailer trailer = Trailer::kNothing;
  bool line_breaks = false;  ///< `\s*[\r\n]+`, or `\s*[\r\n]`, which matches the same
  bool spaces = false;       ///< `\s+(?!\S)|\s+`

  /// The end of the match that begins at `at`, or `at` if none begins there.
  [[nodiscard]] std::size_t match(const CharScanner& text, std::size_t at) const;

  /// The rule of a regular expression in a tokenizer.json, if it is one we know.
  static std::optional<SplitRule> from_regex(std::string_view regex);

  static SplitRule gpt2();
  static SplitRule llama3();
  static SplitRule qwen2();
  static SplitRule qwen35();
  static SplitRule tekken();
  static SplitRule gpt4o();
  static SplitRule seed_coder();
  static SplitRule deepseek3();
  static SplitRule cjk_run();
  static SplitRule number(std::uint32_t run);

 private:
  [[nodiscard]] std::size_t match_word(const CharScanner& text, std::size_t at) const;
  [[nodiscard]] std::size_t match_number(const CharScanner& text, std::size_t at) const;
  [[nodiscard]] std::size_t match_others(const CharScanner& text, std::size_t at) const;
  [[nodiscard]] std::size_t match_spaces(const CharScanner& text, std::size_t at) const;
  [[nodiscard]] std::size_t match_cased(const CharScanner& text, std::size_t at) const;
};

}  // namespace marquee::formats
