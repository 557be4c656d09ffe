#include "formats/byte_cursor.h"

#include <algorithm>

#include "base/utf8.h"

namespace marquee::formats {

std::string printable_name(std::string_view name) {
  constexpr std::size_t kMaxShown = 80;
  const bool cut = name.size() > kMaxShown;
  if (cut) name = name.substr(0, base::complete_utf8_prefix(name.substr(0, kMaxShown)));
  std::string shown = base::sanitize_utf8(name);
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return cut ? shown + "…" : shown;
}

}  // namespace marquee::formats
