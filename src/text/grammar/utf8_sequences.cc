#include "text/grammar/utf8_sequences.h"

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace marquee::text::grammar {
namespace {

struct Block {
  char32_t low;
  char32_t high;
};

// Code points of one encoded length that are no surrogates.
constexpr Block kBlocks[] = {{0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, kMaxCodePoint}};

/// Cuts low..high until all bytes but the fixed first ones run over their whole range.
void add_sequences(char32_t low, char32_t high, std::vector<ByteSequence>& out) {
  for (const unsigned bits : {6U, 12U, 18U}) {
    const char32_t tail = (char32_t{1} << bits) - 1;
    if (high < 0x80 || (low & ~tail) == (high & ~tail)) continue;
    if ((low & tail) != 0) {
      add_sequences(low, low | tail, out);
      add_sequences((low | tail) + 1, high, out);
      return;
    }
    if ((high & tail) != tail) {
      add_sequences(low, (high & ~tail) - 1, out);
      add_sequences(high & ~tail, high, out);
      return;
    }
  }
  std::string first;
  std::string last;
  base::append_utf8(first, low);
  base::append_utf8(last, high);
  ByteSequence sequence;
  sequence.length = static_cast<std::uint32_t>(first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    sequence.ranges[i] = {static_cast<std::uint8_t>(first[i]), static_cast<std::uint8_t>(last[i])};
  }
  out.push_back(sequence);
}

}  // namespace

std::vector<ByteSequence> utf8_sequences(const CharClass& ranges) {
  std::vector<ByteSequence> out;
  for (const CodePointRange& range : ranges) {
    for (const Block& block : kBlocks) {
      const char32_t low = std::max(range.low, block.low);
      const char32_t high = std::min(range.high, block.high);
      if (low <= high) add_sequences(low, high, out);
    }
  }
  return out;
}

}  // namespace marquee::text::grammar
