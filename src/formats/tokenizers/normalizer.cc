#include "formats/tokenizers/normalizer.h"

#include <utf8proc.h>

#include "base/utf8.h"
#include "formats/tokenizers/char_class.h"

namespace marquee::formats {
namespace {

constexpr std::string_view kMetaspace = "\xE2\x96\x81";

/// Calls visit(code_point, its bytes) for each code point.
template <typename Visit>
void for_each_char(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const auto decoded = base::decode_utf8(text);
    visit(decoded.code_point, text.substr(0, decoded.length));
    text.remove_prefix(decoded.length);
  }
}

std::string run(UnicodeForm form, std::string_view text) { return to_unicode_form(text, form); }

std::string run(const Lowercase&, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_char(text, [&](char32_t c, std::string_view) {
    if (c == 0x130) {
      out += "i\xCC\x87";  // the one code point whose lower case is two (SpecialCasing.txt)
    } else {
      base::append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
  });
  return out;
}

std::string run(const StripAccents&, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto* classes = char_class_table();
  for_each_char(text, [&](char32_t c, std::string_view bytes) {
    if ((classes[c] & kMark) == 0) out += bytes;
  });
  return out;
}

std::string run(const Prepend& stage, std::string_view text) {
  return text.empty() ? std::string() : stage.text + std::string(text);
}

std::string run(const StripSpaces& stage, std::string_view text) {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
  std::size_t at = 0;
  for_each_char(text, [&](char32_t c, std::string_view bytes) {
    const std::size_t next = at + bytes.size();
    if (!is_white_space(c)) {
      if (begin == std::string_view::npos) begin = at;
      end = next;
    }
    at = next;
  });
  if (begin == std::string_view::npos) return stage.left || stage.right ? std::string() : std::string(text);
  if (!stage.left) begin = 0;
  if (!stage.right) end = text.size();
  return std::string(text.substr(begin, end - begin));
}

std::string run(const ReplaceText& stage, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (;;) {
    const std::size_t found = text.find(stage.pattern);
    out += text.substr(0, found);
    if (found == std::string_view::npos) return out;
    out += stage.content;
    text.remove_prefix(found + stage.pattern.size());
  }
}

std::string run(const ReplaceSpaceRuns& stage, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t run_begin = 0;
  std::size_t run_chars = 0;
  std::size_t at = 0;
  const auto end_run = [&] {
    if (run_chars >= stage.least) {
      out += stage.content;
    } else {
      out += text.substr(run_begin, at - run_begin);
    }
    run_chars = 0;
  };
  for_each_char(text, [&](char32_t c, std::string_view bytes) {
    const bool belongs = stage.any_white_space ? is_white_space(c) : c == ' ';
    if (belongs) {
      if (run_chars++ == 0) run_begin = at;
    } else {
      if (run_chars > 0) end_run();
      out += bytes;
    }
    at += bytes.size();
  });
  if (run_chars > 0) end_run();
  return out;
}

bool is_cjk_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool is_dropped_control(char32_t c) {
  if (c == 0 || c == 0xFFFD) return true;
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CO;
}

std::string run(const BertCleaning& stage, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_char(text, [&](char32_t c, std::string_view bytes) {
    if (stage.clean_text && is_dropped_control(c)) return;
    if (stage.clean_text && is_white_space(c)) {
      out += ' ';
    } else if (stage.space_around_cjk && is_cjk_ideograph(c)) {
      out += ' ';
      out += bytes;
      out += ' ';
    } else {
      out += bytes;
    }
  });
  if (stage.strip_accents) {
    const std::string decomposed = to_unicode_form(out, UnicodeForm::kNfd);
    out.clear();
    for_each_char(decomposed, [&](char32_t c, std::string_view bytes) {
      if (utf8proc_category(static_cast<utf8proc_int32_t>(c)) != UTF8PROC_CATEGORY_MN) out += bytes;
    });
  }
  return stage.lowercase ? run(Lowercase{}, out) : out;
}

/// The next grapheme cluster of a text that is not empty.
std::size_t grapheme_length(std::string_view text) {
  const auto first = base::decode_utf8(text);
  std::size_t length = first.length;
  auto previous = static_cast<utf8proc_int32_t>(first.code_point);
  utf8proc_int32_t state = 0;
  while (length < text.size()) {
    const auto next = base::decode_utf8(text.substr(length));
    const auto code_point = static_cast<utf8proc_int32_t>(next.code_point);
    if (utf8proc_grapheme_break_stateful(previous, code_point, &state)) break;
    previous = code_point;
    length += next.length;
  }
  return length;
}

/// Hugging Face asks for whole grapheme clusters of up to 5 bytes, then for each code point, and takes the shortest
/// entry that what it asks for begins with.
std::string run(const CharsmapNormalizer& stage, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto grapheme = text.substr(0, grapheme_length(text));
    text.remove_prefix(grapheme.size());
    if (grapheme.size() < 6) {
      const auto whole = stage.map->shortest(grapheme);
      if (whole.length > 0) {
        out += whole.replacement;
        continue;
      }
    }
    for_each_char(grapheme, [&](char32_t, std::string_view bytes) {
      const auto match = stage.map->shortest(bytes);
      out += match.length > 0 ? match.replacement : bytes;
    });
  }
  return out;
}

/// Takes the next unit off `text`: the longest entry of the map, or one code point.
std::string_view take_unit(const Charsmap* map, std::string_view& text) {
  const auto match = map == nullptr ? Charsmap::Match{} : map->longest(text);
  const std::size_t length = match.length > 0 ? match.length : base::decode_utf8(text).length;
  const auto unit = match.length > 0 ? match.replacement : text.substr(0, length);
  text.remove_prefix(length);
  return unit;
}

std::string run(const SentencePieceNormalizer& stage, std::string_view text) {
  const Charsmap* map = stage.map.get();
  std::string out;
  bool begun = false;
  bool after_space = stage.remove_extra_spaces;
  while (!text.empty()) {
    auto unit = take_unit(map, text);
    if (!begun && stage.remove_extra_spaces && unit == " ") continue;
    if (!begun && stage.add_prefix) out += kMetaspace;
    begun = true;
    while (after_space && unit.starts_with(' ')) unit.remove_prefix(1);
    if (unit.empty()) continue;
    for (const char c : unit) {
      if (c == ' ') {
        out += kMetaspace;
      } else {
        out += c;
      }
    }
    after_space = stage.remove_extra_spaces && unit.back() == ' ';
  }
  if (stage.remove_extra_spaces) {
    while (out.ends_with(kMetaspace)) out.resize(out.size() - kMetaspace.size());
  }
  return out;
}

}  // namespace

std::string Normalizer::apply(std::string_view text) const {
  std::string current(text);
  for (const auto& stage : stages_) {
    current = std::visit([&](const auto& made) { return run(made, current); }, stage);
  }
  return current;
}

}  // namespace marquee::formats
