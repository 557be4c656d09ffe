#include "text/words/subwords.h"

#include <string>

namespace marquee::text::words {

namespace {

constexpr std::uint32_t kFnvOffset = 2166136261U;
constexpr std::uint32_t kFnvPrime = 16777619U;

std::uint32_t hash_byte(std::uint32_t hash, char byte) {
  return (hash ^ static_cast<std::uint32_t>(static_cast<std::int32_t>(static_cast<signed char>(byte)))) * kFnvPrime;
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

}  // namespace

std::uint32_t ngram_hash(std::string_view ngram) {
  std::uint32_t hash = kFnvOffset;
  for (const char byte : ngram) hash = hash_byte(hash, byte);
  return hash;
}

void append_ngram_buckets(std::string_view word, const SubwordSettings& settings, std::vector<std::uint32_t>& buckets) {
  const std::string text = "<" + std::string(word) + ">";
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    if (continues_character(text[begin])) continue;
    std::uint32_t hash = kFnvOffset;
    std::size_t end = begin;
    for (int length = 1; length <= settings.max_length && end < text.size(); ++length) {
      do {
        hash = hash_byte(hash, text[end++]);
      } while (end < text.size() && continues_character(text[end]));
      const bool is_bracket = length == 1 && (begin == 0 || end == text.size());
      if (length >= settings.min_length && !is_bracket) buckets.push_back(hash % settings.buckets);
    }
  }
}

}  // namespace marquee::text::words
