#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "text/grammar/expression.h"

namespace marquee::text::grammar {

struct ByteRange {
  std::uint8_t low = 0;
  std::uint8_t high = 0;
  bool operator==(const ByteRange&) const = default;
};

/// One to four ranges of bytes, one for each byte of a code point.
struct ByteSequence {
  std::array<ByteRange, 4> ranges{};
  std::uint32_t length = 0;
};

/// The UTF-8 of a class as sequences of byte ranges that together match exactly its code points; surrogates, which
/// UTF-8 lacks, are left out. @source Unicode 15, table 3-6
std::vector<ByteSequence> utf8_sequences(const CharClass& ranges);

}  // namespace marquee::text::grammar
