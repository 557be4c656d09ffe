#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace marquee::text::bags {

/// MurmurHash3 x86_32 of a term, by which hashed columns are chosen: files and scikit-learn depend on its values.
/// @source https://github.com/aappleby/smhasher (public domain description of the function)
std::uint32_t murmur3(std::string_view text, std::uint32_t seed = 0);

/// Chosen anew by each process, so that nobody can write a text whose terms all meet in one slot.
std::uint64_t term_hash_seed();

/// The high and the low half of a 128-bit product, folded.
inline std::uint64_t fold_product(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

/// A hash for tables in memory. Nothing may depend on its values.
inline std::uint32_t hash_term(std::string_view term, std::uint64_t seed) {
  constexpr std::uint64_t kOdd1 = 0x9E3779B97F4A7C15U;  // 2^64 divided by the golden ratio
  constexpr std::uint64_t kOdd2 = 0xD6E8FEB86659FD93U;
  const auto load = []<typename Word>(const char* from, Word word) {
    std::memcpy(&word, from, sizeof(word));
    return static_cast<std::uint64_t>(word);
  };
  const auto load8 = [&load](const char* from) { return load(from, std::uint64_t{0}); };
  const auto load4 = [&load](const char* from) { return load(from, std::uint32_t{0}); };
  const char* at = term.data();
  std::size_t left = term.size();
  while (left > 16) {
    seed = fold_product(load8(at) ^ kOdd1, load8(at + 8) ^ seed);
    at += 16;
    left -= 16;
  }
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = load8(at);
    b = load8(at + left - 8);
  } else if (left >= 4) {
    a = load4(at);
    b = load4(at + left - 4);
  } else if (left > 0) {
    const auto byte = [at](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])); };
    a = byte(0) << 16U | byte(left / 2) << 8U | byte(left - 1);
  }
  const std::uint64_t mixed = fold_product(a ^ kOdd1, b ^ seed);
  return static_cast<std::uint32_t>(fold_product(mixed ^ term.size(), kOdd2) >> 32U);
}

}  // namespace marquee::text::bags
