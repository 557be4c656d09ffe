// Tables as CSV. The first byte chooses the delimiter and whether columns are chosen.
// Links: marquee::formats
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/check_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  marquee::formats::TableSettings settings = marquee::fuzz::table_settings((data[0] & 4U) != 0);
  constexpr char kDelimiters[] = {'\0', ',', ';', '\t'};
  settings.delimiter = kDelimiters[data[0] & 3U];
  marquee::fuzz::check_table(marquee::formats::read_csv(text, "input.csv", settings), settings);
  return 0;
}
