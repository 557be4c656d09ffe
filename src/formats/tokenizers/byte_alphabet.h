#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace marquee::formats {

/// The printable character that stands for a byte in the files of byte-level tokenizers.
/// @source the GPT-2 encoder's bytes_to_unicode: bytes printable in Latin-1 stand for themselves, the others for
///         U+0100 and up in order
char32_t byte_to_symbol(unsigned char byte);

/// The bytes that a token written in that alphabet stands for, or nothing if a character is outside it.
std::optional<std::string> symbols_to_bytes(std::string_view token);

/// The opposite: any bytes written in the alphabet.
std::string bytes_to_symbols(std::string_view bytes);

}  // namespace marquee::formats
