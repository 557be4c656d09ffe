#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace marquee::text::words {

struct SubwordSettings {
  int min_length = 3;                 ///< of an n-gram, in characters; at least 1
  int max_length = 6;                 ///< at most 20; 0: no n-grams, words are learnt whole
  std::uint32_t buckets = 2'000'000;  ///< what hashes are taken modulo; in [1, 2^31)
};

/// The hash of fastText: FNV-1a over bytes that are sign-extended first. @source arXiv:1607.04606
std::uint32_t ngram_hash(std::string_view ngram);

/// The buckets of a word's n-grams, the word standing between < and >, in the order of fastText; those of a single
/// character at either end of it (< and > themselves) are none.
void append_ngram_buckets(std::string_view word, const SubwordSettings& settings, std::vector<std::uint32_t>& buckets);

}  // namespace marquee::text::words
