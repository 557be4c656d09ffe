#include "formats/tokenizers/byte_alphabet.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/utf8.h"

namespace marquee::formats {
namespace {

constexpr std::size_t kSymbolsEnd = 0x144;  // 256 + the 68 bytes that do not stand for themselves

constexpr bool stands_for_itself(std::size_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<std::uint16_t, 256> symbol_of{};
  std::array<std::int16_t, kSymbolsEnd> byte_of{};
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte_of.fill(-1);
  std::uint16_t next = 256;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto symbol = stands_for_itself(byte) ? static_cast<std::uint16_t>(byte) : next++;
    alphabet.symbol_of[byte] = symbol;
    alphabet.byte_of[symbol] = static_cast<std::int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t byte_to_symbol(unsigned char byte) { return kAlphabet.symbol_of[byte]; }

std::optional<std::string> symbols_to_bytes(std::string_view token) {
  std::string bytes;
  bytes.reserve(token.size());
  while (!token.empty()) {
    const auto decoded = base::decode_utf8(token);
    if (!decoded.valid || decoded.code_point >= kSymbolsEnd) return std::nullopt;
    const auto byte = kAlphabet.byte_of[decoded.code_point];
    if (byte < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    token.remove_prefix(decoded.length);
  }
  return bytes;
}

std::string bytes_to_symbols(std::string_view bytes) {
  std::string token;
  token.reserve(bytes.size() * 2);
  for (const char byte : bytes) base::append_utf8(token, byte_to_symbol(static_cast<unsigned char>(byte)));
  return token;
}

}  // namespace marquee::formats
