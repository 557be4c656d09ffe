#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/bags/text_normaliser.h"
#include "text/bags/vectoriser_options.h"
#include "text/bags/vocabulary.h"

namespace marquee::text::bags {

/// What terms are made of, a word or a code point: bytes [begin, end) of TermAnalyser::text().
struct Piece {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// One term: `bytes` from `begin` on of TermAnalyser::text(), made of `pieces` from `first_piece` on.
struct TermRef {
  std::uint32_t begin = 0;
  std::uint32_t bytes = 0;
  std::uint32_t first_piece = 0;
  std::uint32_t pieces = 0;
};

/// Where pieces came from, for explanations.
struct PieceSources {
  std::vector<SourceSpan> pieces;      ///< of each piece; a padding space has no bytes
  std::vector<std::uint32_t> unit_of;  ///< of each piece: the word, or the white space, that it belongs to
  std::vector<SourceSpan> units;       ///< the words and runs of white space, in the order of the text
};

/// Takes a document apart into the terms that the options ask for. Its buffers are used again from document to
/// document, so that none is allocated for each; one for each thread.
class TermAnalyser {
 public:
  /// Documents must be shorter: what they become has 32-bit offsets and takes up to 12 bytes of memory for each byte.
  static constexpr std::size_t kMaxDocumentBytes = std::size_t{16} << 20U;
  static constexpr std::size_t kBlockTerms = 256;

  /// @param options valid ones, which it keeps a reference to, as to `stops`
  TermAnalyser(const VectoriserOptions& options, const WordSet& stops);

  /// @param document at most kMaxDocumentBytes
  /// @param track whether to fill sources()
  void analyse(std::string_view document, bool track = false);

  /// Every term of the document, each as often as it is there, in blocks of at most kBlockTerms: visit(span of
  /// TermRef).
  template <typename Visit>
  void for_each_block(Visit&& visit) const;

  /// What pieces and terms point into.
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::string_view term(const TermRef& ref) const { return text_.substr(ref.begin, ref.bytes); }
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  [[nodiscard]] const PieceSources& sources() const { return sources_; }

 private:
  void take_words(bool track);
  void take_chars(bool track);
  void take_padded_words(bool track);
  void add_char(std::string_view text, SourceSpan source, bool track);
  void add_padded_word(std::uint32_t begin, std::uint32_t end, bool track);
  [[nodiscard]] std::uint32_t word_end(std::uint32_t at, std::uint32_t& chars) const;

  const VectoriserOptions& options_;
  const WordSet& stops_;
  TextNormaliser normaliser_;
  NormalisedText normalised_;
  std::string joined_;  // pieces as terms join them: words by one space, or characters without needless white space
  std::string_view text_;
  std::vector<Piece> pieces_;
  std::vector<std::uint32_t> group_ends_;  // terms do not go beyond a group of pieces: the document, or a padded word
  PieceSources sources_;
};

template <typename Visit>
void TermAnalyser::for_each_block(Visit&& visit) const {
  std::array<TermRef, kBlockTerms> block;
  std::size_t used = 0;
  const auto emit = [&](std::uint32_t first, std::uint32_t count) {
    const std::uint32_t begin = pieces_[first].begin;
    block[used++] = {begin, pieces_[first + count - 1].end - begin, first, count};
    if (used == kBlockTerms) {
      visit(std::span<const TermRef>(block.data(), used));
      used = 0;
    }
  };
  const bool padded = options_.analyser == Analyser::kCharWordBoundary;
  std::uint32_t begin = 0;
  for (const std::uint32_t end : group_ends_) {
    const std::uint32_t length = end - begin;
    for (std::uint32_t n = options_.min_ngram; n <= options_.max_ngram; ++n) {
      if (n >= length) {
        // A padded word that is too short counts once, whole.
        if (n == length || padded) emit(begin, length);
        break;
      }
      for (std::uint32_t first = begin; first + n <= end; ++first) emit(first, n);
    }
    begin = end;
  }
  if (used > 0) visit(std::span<const TermRef>(block.data(), used));
}

}  // namespace marquee::text::bags
