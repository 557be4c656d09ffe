#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/bags/vectoriser_options.h"

namespace marquee::text::bags {

/// Bytes [begin, end) of a document as it was given.
struct SourceSpan {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// A document in the form that terms are taken from, in buffers that are used again.
struct NormalisedText {
  std::string text;                 ///< valid UTF-8
  std::vector<SourceSpan> sources;  ///< of each byte of text what it came of; empty if nobody asked

  void clear() {
    text.clear();
    sources.clear();
  }
};

/// Lower case and without accents, as Python's str.lower() and scikit-learn's strip_accents do it. What is no UTF-8
/// becomes U+FFFD, one for each maximal part (Unicode 15, section 3.9), as Python's errors="replace" does it.
class TextNormaliser {
 public:
  TextNormaliser(bool lowercase, StripAccents accents) : lowercase_(lowercase), accents_(accents) {}

  /// @param document at most 2^32 / 40 bytes: normalised text may be 36 times as long
  /// @param track whether to fill out.sources
  void normalise(std::string_view document, bool track, NormalisedText& out) const;

 private:
  void append_ascii(std::string_view run, std::uint32_t at, bool track, NormalisedText& out) const;
  void append_code_point(std::string_view document, std::uint32_t at, char32_t code_point, std::string& out) const;
  void append_stripped(char32_t code_point, std::string& out) const;

  bool lowercase_;
  StripAccents accents_;
};

}  // namespace marquee::text::bags
