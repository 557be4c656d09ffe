#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/utf8.h"

namespace marquee::formats {

/// What pre-tokenisation rules ask of a code point: bits, because the rules ask for unions.
enum CharClass : std::uint8_t {
  kLetter = 1,        ///< L*
  kNumber = 2,        ///< N*
  kSpace = 4,         ///< White_Space
  kMark = 8,          ///< M*
  kUpper = 16,        ///< Lu, Lt
  kLower = 32,        ///< Ll
  kPunctuation = 64,  ///< P*
  kSymbol = 128,      ///< S*
};

/// The classes of every code point, by code point; 0x110000 entries.
const std::uint8_t* char_class_table();

/// A code point inside a text. A byte that is no valid UTF-8 counts as one symbol, like U+FFFD.
struct ScannedChar {
  char32_t code_point = 0;
  std::uint32_t length = 0;
  std::uint8_t classes = 0;
};

/// Reads code points with their classes.
class CharScanner {
 public:
  explicit CharScanner(std::string_view text) : text_(text), table_(char_class_table()) {}

  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] std::string_view text() const { return text_; }
  /// @param at less than size()
  [[nodiscard]] ScannedChar at(std::size_t at) const {
    const auto byte = static_cast<unsigned char>(text_[at]);
    if (byte < 0x80) return {byte, 1, table_[byte]};
    const auto decoded = base::decode_utf8(text_.substr(at));
    if (!decoded.valid) return {decoded.code_point, 1, kSymbol};
    return {decoded.code_point, decoded.length, table_[decoded.code_point]};
  }
  /// The end of the run of code points from `at` on that have one of the classes of `mask`.
  [[nodiscard]] std::size_t run(std::size_t at, std::uint8_t mask) const {
    while (at < text_.size()) {
      const auto next = this->at(at);
      if ((next.classes & mask) == 0) break;
      at += next.length;
    }
    return at;
  }

 private:
  std::string_view text_;
  const std::uint8_t* table_;
};

/// White_Space, as `\s` in regular expressions and trimming use it.
bool is_white_space(char32_t code_point);
/// `\w`: alphabetic, marks, decimal digits, connectors and joiners (UTS #18).
bool is_word_char(char32_t code_point);

}  // namespace marquee::formats
