#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/words/text_source.h"

namespace marquee::text::words {

enum class WordRule : std::uint8_t {
  kBlanks,   ///< words lie between blanks: the text is tokenised already, as word2vec and GloVe expect it
  kUnicode,  ///< runs of letters, marks, digits and connectors (UTS #18 \w); an apostrophe between two of them stays
};

struct SplitSettings {
  WordRule rule = WordRule::kBlanks;
  bool lower_case = false;
  /// Broken UTF-8 and words of more than kMaxWordBytes are errors; else U+FFFD stands for what is broken, and such
  /// words are left out.
  bool strict = false;
};

/// Cuts texts into words.
class WordSplitter {
 public:
  explicit WordSplitter(SplitSettings settings) : settings_(settings) {}

  /// @return words that are valid as long as `text`, and until the next call
  /// @param source names the place in errors
  /// @error kCorrupt as SplitSettings::strict says
  base::Result<std::span<const std::string_view>> split(std::string_view text, const TextSource& source);
  /// The same of a text that comes from nowhere; never strict.
  std::span<const std::string_view> split(std::string_view text);

 private:
  base::Result<std::string_view> prepare(std::string_view text, const TextSource* source);
  base::Result<void> cut(std::string_view text, const TextSource* source);
  base::Result<void> keep(std::string_view word, const TextSource* source);

  SplitSettings settings_;
  std::string changed_;
  std::vector<std::string_view> words_;
};

}  // namespace marquee::text::words
