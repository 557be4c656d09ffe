// Tables as JSON Lines. The first byte says whether columns are chosen.
// Links: marquee::formats
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/check_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const marquee::formats::TableSettings settings = marquee::fuzz::table_settings((data[0] & 4U) != 0);
  marquee::fuzz::check_table(marquee::formats::read_jsonl(text, "input.jsonl", settings), settings);
  return 0;
}
