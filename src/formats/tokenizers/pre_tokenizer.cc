#include "formats/tokenizers/pre_tokenizer.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "formats/tokenizers/char_class.h"

namespace marquee::formats {
namespace {

/// Bytes of a text.
struct Range {
  std::size_t begin;
  std::size_t end;
};

/// Turns delimiters and what lies between them into pieces, as `behavior` says. Takes them in order and without gaps.
template <typename Emit>
class Splitter {
 public:
  Splitter(SplitBehavior behavior, Emit emit) : behavior_(behavior), emit_(std::move(emit)) {}

  /// The next part, up to `end`.
  void part(std::size_t end, bool delimiter) {
    if (end == position_) return;
    switch (behavior_) {
      case SplitBehavior::kIsolated: flush(position_); break;
      case SplitBehavior::kRemoved:
        flush(position_);
        if (delimiter) begin_ = end;
        break;
      case SplitBehavior::kContiguous:
        if (delimiter != last_was_delimiter_) flush(position_);
        break;
      case SplitBehavior::kMergedWithPrevious:
        if (!delimiter || last_was_delimiter_) flush(position_);
        break;
      case SplitBehavior::kMergedWithNext:
        if (delimiter || !last_was_delimiter_) flush(position_);
        break;
    }
    last_was_delimiter_ = delimiter;
    position_ = end;
  }
  void finish() { flush(position_); }

 private:
  void flush(std::size_t end) {
    if (end > begin_) emit_(Range{begin_, end});
    begin_ = std::max(begin_, end);
  }

  SplitBehavior behavior_;
  Emit emit_;
  std::size_t begin_ = 0;
  std::size_t position_ = 0;
  bool last_was_delimiter_ = false;
};

bool is_of_kind(CharSplit::Kind kind, const ScannedChar& c) {
  switch (kind) {
    case CharSplit::Kind::kWhiteSpace: return (c.classes & kSpace) != 0;
    case CharSplit::Kind::kNumber: return (c.classes & kNumber) != 0;
    case CharSplit::Kind::kPunctuation: break;
  }
  if (c.code_point >= 0x80) return (c.classes & kPunctuation) != 0;
  return (c.classes & (kPunctuation | kSymbol)) != 0;  // in ASCII all signs count
}

template <typename Emit>
void split(const RuleSplit& stage, std::string_view text, Emit emit) {
  Splitter<Emit> splitter(stage.behavior, std::move(emit));
  const CharScanner scanner(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = stage.rule.match(scanner, at);
    if (end == at) {
      at += scanner.at(at).length;
      if (at == text.size() || stage.rule.match(scanner, at) != at) splitter.part(at, stage.invert);
      continue;
    }
    splitter.part(end, !stage.invert);
    at = end;
  }
  splitter.finish();
}

template <typename Emit>
void split(const LiteralSplit& stage, std::string_view text, Emit emit) {
  Splitter<Emit> splitter(stage.behavior, std::move(emit));
  std::size_t at = 0;
  while (!stage.literal.empty()) {
    const std::size_t found = text.find(stage.literal, at);
    if (found == std::string_view::npos) break;
    splitter.part(found, stage.invert);
    at = found + stage.literal.size();
    splitter.part(at, !stage.invert);
  }
  splitter.part(text.size(), stage.invert);
  splitter.finish();
}

template <typename Emit>
void split(const CharSplit& stage, std::string_view text, Emit emit) {
  Splitter<Emit> splitter(stage.behavior, std::move(emit));
  const CharScanner scanner(text);
  std::size_t plain_begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = scanner.at(at);
    at += c.length;
    if (!is_of_kind(stage.kind, c)) continue;
    if (at - c.length > plain_begin) splitter.part(at - c.length, false);
    splitter.part(at, true);
    plain_begin = at;
  }
  splitter.part(text.size(), false);
  splitter.finish();
}

template <typename Emit>
void split(const WordSplit&, std::string_view text, Emit emit) {
  enum class Kind : std::uint8_t { kWord, kSpace, kOther };
  const auto kind_of = [](const ScannedChar& c) {
    if ((c.classes & kSpace) != 0) return Kind::kSpace;
    return is_word_char(c.code_point) ? Kind::kWord : Kind::kOther;
  };
  const CharScanner scanner(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const Kind kind = kind_of(scanner.at(at));
    while (at < text.size() && kind_of(scanner.at(at)) == kind) at += scanner.at(at).length;
    if (kind != Kind::kSpace) emit(Range{begin, at});
  }
}

std::string replace_spaces(std::string_view text, std::string_view replacement) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (c == ' ') {
      out += replacement;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void PreTokenizer::run_from(std::size_t stage, const Piece& piece, Sink& sink) const {
  if (piece.text.empty()) return;
  if (stage == stages_.size()) {
    sink.piece(piece.text);
    return;
  }
  const auto& current = stages_[stage];
  const auto go_on = [&](const Piece& whole) {
    return [this, stage, whole, &sink](const Range& range) {
      const bool at_start = whole.at_text_start && range.begin == 0;
      run_from(stage + 1, {whole.text.substr(range.begin, range.end - range.begin), at_start}, sink);
    };
  };
  if (std::holds_alternative<PrefixSpace>(current)) {
    if (piece.text.starts_with(' ')) return run_from(stage + 1, piece, sink);
    const std::string spaced = " " + std::string(piece.text);
    return run_from(stage + 1, {spaced, piece.at_text_start}, sink);
  }
  if (const auto* metaspace = std::get_if<Metaspace>(&current)) {
    std::string text = replace_spaces(piece.text, metaspace->replacement);
    const bool wanted = metaspace->prepend == Metaspace::Prepend::kAlways ||
                        (metaspace->prepend == Metaspace::Prepend::kFirst && piece.at_text_start);
    if (wanted && !text.starts_with(metaspace->replacement)) text.insert(0, metaspace->replacement);
    const Piece whole = {text, piece.at_text_start};
    if (!metaspace->split) return run_from(stage + 1, whole, sink);
    return split(LiteralSplit{metaspace->replacement, SplitBehavior::kMergedWithNext, false}, text, go_on(whole));
  }
  std::visit(
      [&](const auto& splitting) {
        using Stage = std::decay_t<decltype(splitting)>;
        if constexpr (!std::is_same_v<Stage, PrefixSpace> && !std::is_same_v<Stage, Metaspace>) {
          split(splitting, piece.text, go_on(piece));
        }
      },
      current);
}

}  // namespace marquee::formats
