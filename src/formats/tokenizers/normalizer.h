#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "formats/tokenizers/charsmap.h"
#include "formats/tokenizers/unicode_form.h"

namespace marquee::formats {

/// Code point by code point, without regard to what stands around it (no final sigma).
struct Lowercase {};
/// Leaves out marks; of decomposed text these are the accents.
struct StripAccents {};
/// Puts a text before one that is not empty.
struct Prepend {
  std::string text;
};
/// Leaves out whitespace at the ends.
struct StripSpaces {
  bool left = true;
  bool right = true;
};
struct ReplaceText {
  std::string pattern;  ///< not empty
  std::string content;
};
/// Replaces each run of at least `least` characters that are spaces (or any whitespace).
struct ReplaceSpaceRuns {
  std::size_t least = 2;
  bool any_white_space = false;
  std::string content;
};
/// What BERT does to text before it is cut. @source the BERT repository's BasicTokenizer
struct BertCleaning {
  bool clean_text = true;        ///< drop control characters, write whitespace as spaces
  bool space_around_cjk = true;  ///< CJK ideographs become words of their own
  bool strip_accents = true;
  bool lowercase = true;
};
/// A map as SentencePiece stores it, applied as Hugging Face does or as SentencePiece itself does.
struct CharsmapNormalizer {
  std::shared_ptr<const Charsmap> map;
};
/// SentencePiece's own normaliser: its map, white space, and the space put before a text.
struct SentencePieceNormalizer {
  std::shared_ptr<const Charsmap> map;  ///< may be null
  bool add_prefix = true;
  bool remove_extra_spaces = true;
};

using NormalizerStage = std::variant<UnicodeForm, Lowercase, StripAccents, Prepend, StripSpaces, ReplaceText,
                                     ReplaceSpaceRuns, BertCleaning, CharsmapNormalizer, SentencePieceNormalizer>;

/// Stages, one after the other. Takes valid UTF-8 and gives valid UTF-8, in linear time.
class Normalizer {
 public:
  Normalizer() = default;
  explicit Normalizer(std::vector<NormalizerStage> stages) : stages_(std::move(stages)) {}

  [[nodiscard]] bool empty() const { return stages_.empty(); }
  [[nodiscard]] std::string apply(std::string_view text) const;

 private:
  std::vector<NormalizerStage> stages_;
};

}  // namespace marquee::formats
