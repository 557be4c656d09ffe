#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "formats/tokenizer.h"

namespace marquee::formats {

/// Characters of the byte alphabet become their bytes.
struct DecodeByteLevel {};
/// "<0x0A>" becomes its byte.
struct DecodeByteFallback {};
struct DecodeReplace {
  std::string pattern;  ///< not empty
  std::string content;
};
/// Leaves out up to so many of a character at a token's ends.
struct DecodeStrip {
  std::string content;
  std::size_t start = 0;
  std::size_t stop = 0;
};
/// Leaves out one leading character of the whole text.
struct DecodeStripText {
  std::string content;
};
/// `replacement` becomes a space; in the first token it may fall away.
struct DecodeMetaspace {
  std::string replacement;
  bool drop_first = true;
};
/// A space before each token that does not continue a word.
struct DecodeWordPiece {
  std::string prefix = "##";
  bool cleanup = true;  ///< no space before punctuation and English contractions
};
/// A space between any two tokens.
struct DecodeSpaced {};

using DecoderStage = std::variant<DecodeByteLevel, DecodeByteFallback, DecodeReplace, DecodeStrip, DecodeStripText,
                                  DecodeMetaspace, DecodeWordPiece, DecodeSpaced>;

/// Turns a token as its file writes it into what it adds to a text. Every stage works on one token, so that text can
/// be made token by token.
class TokenDecoder {
 public:
  TokenDecoder() = default;
  explicit TokenDecoder(std::vector<DecoderStage> stages) : stages_(std::move(stages)) {}

  /// Whether the first token of a text can be different.
  [[nodiscard]] bool first_differs() const;
  /// @param first it is the first token of the text
  /// @param added it is an added token, whose characters are themselves even where others stand for bytes
  [[nodiscard]] std::string decode(std::string_view token, bool first, bool added) const;

 private:
  std::vector<DecoderStage> stages_;
};

}  // namespace marquee::formats
