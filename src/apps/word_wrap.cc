#include "apps/word_wrap.h"

#include <utf8proc.h>

#include <algorithm>
#include <utility>

#include "apps/terminal.h"
#include "base/utf8.h"

namespace marquee::apps {
namespace {

constexpr std::size_t kTabColumns = 4;

std::size_t columns_of(char32_t code_point) {
  return static_cast<std::size_t>(std::max(0, utf8proc_charwidth(static_cast<utf8proc_int32_t>(code_point))));
}

}  // namespace

std::string WordWrap::add(std::string_view text) {
  std::string shown;
  const std::string clean = without_controls(text);
  std::string_view left = clean;
  while (!left.empty()) {
    const base::DecodedCodePoint next = base::decode_utf8(left);
    const std::string_view bytes = left.substr(0, next.length);
    left.remove_prefix(next.length);
    if (next.code_point == ' ' || next.code_point == '\t' || next.code_point == '\n') {
      shown += take_word();
      if (next.code_point == '\n') spaces_ = 0;
      line_feeds_ += next.code_point == '\n' ? 1 : 0;
      spaces_ += next.code_point == ' ' ? 1 : next.code_point == '\t' ? kTabColumns : 0;
      continue;
    }
    const std::size_t width = columns_of(next.code_point);
    // A word that fills a line by itself (an address, a text without spaces) is broken where the line ends.
    if (columns_ > 0 && word_columns_ + width > columns_) shown += take_word();
    word_ += bytes;
    word_columns_ += width;
  }
  return shown;
}

std::string WordWrap::take_word() {
  if (word_.empty()) return "";
  std::string shown;
  if (begun_) {
    shown.assign(line_feeds_, '\n');
    if (line_feeds_ > 0) column_ = 0;
    const bool fits = columns_ == 0 || column_ + spaces_ + word_columns_ <= columns_;
    if (fits) {
      shown.append(spaces_, ' ');
      column_ += spaces_;
    } else if (column_ > 0) {
      shown += '\n';
      column_ = 0;
    }
  }
  begun_ = true;
  column_ += word_columns_;
  shown += std::exchange(word_, "");
  word_columns_ = spaces_ = line_feeds_ = 0;
  return shown;
}

}  // namespace marquee::apps
