#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "formats/tokenizers/split_rule.h"

namespace marquee::formats {

/// A part of a text on its way to the model.
struct Piece {
  std::string_view text;
  bool at_text_start = false;  ///< nothing stands before it in the whole text
};

/// What becomes of the delimiters that a split has found.
enum class SplitBehavior : std::uint8_t { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// Cuts at the matches of a regular expression.
struct RuleSplit {
  SplitRule rule;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  ///< what lies between matches are the delimiters
};
/// Cuts at a fixed string.
struct LiteralSplit {
  std::string literal;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;
};
/// Cuts at characters of a kind, each a delimiter of its own.
struct CharSplit {
  enum class Kind : std::uint8_t { kWhiteSpace, kPunctuation, kNumber };
  Kind kind = Kind::kWhiteSpace;
  SplitBehavior behavior = SplitBehavior::kIsolated;
};
/// `\w+|[^\w\s]+`, leaving whitespace out.
struct WordSplit {};
/// Puts a space before a piece that does not begin with one.
struct PrefixSpace {};
/// Writes spaces as `replacement`, may put one before, and may cut before each.
struct Metaspace {
  enum class Prepend : std::uint8_t { kNever, kFirst, kAlways };
  std::string replacement = "\xE2\x96\x81";
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

using PreTokenizerStage = std::variant<RuleSplit, LiteralSplit, CharSplit, WordSplit, PrefixSpace, Metaspace>;

/// Stages, each working on the pieces of the one before.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<PreTokenizerStage> stages) : stages_(std::move(stages)) {}

  /// Receives the pieces in order; none is empty. Their text lives until the call returns.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void piece(std::string_view text) = 0;
  };
  void run(const Piece& piece, Sink& sink) const { run_from(0, piece, sink); }

 private:
  class BehaviorSink;
  void run_from(std::size_t stage, const Piece& piece, Sink& sink) const;

  std::vector<PreTokenizerStage> stages_;
};

}  // namespace marquee::formats
