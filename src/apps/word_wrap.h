#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace marquee::apps {

/// Breaks a text that comes in pieces into lines of a terminal, at the spaces between words. White space at the text's
/// beginning and end is left out, control characters too; line feeds and the indentation after them stay.
class WordWrap {
 public:
  /// @param columns of the terminal; 0 breaks nothing
  explicit WordWrap(std::size_t columns) : columns_(columns) {}
  /// @param text UTF-8 @return what can be shown now; a word is held back until it has ended
  std::string add(std::string_view text);
  /// @return the last word. Nothing may be added after it.
  std::string finish() { return take_word(); }
  /// Whether anything was shown or is held back.
  [[nodiscard]] bool begun() const { return begun_; }

 private:
  std::string take_word();

  std::size_t columns_;
  std::size_t column_ = 0;      ///< where the cursor stands
  std::size_t spaces_ = 0;      ///< between what was shown and word_
  std::size_t line_feeds_ = 0;  ///< before those spaces
  std::string word_;
  std::size_t word_columns_ = 0;
  bool begun_ = false;
};

}  // namespace marquee::apps
