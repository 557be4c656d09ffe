#include "base/utf8.h"

#include <cstring>

namespace marquee::base {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

/// The bytes a lead byte announces, 0 for one that can lead nothing.
std::uint32_t announced_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

/// Whether `second` may follow `lead`: this is where overlong forms, surrogates and values too large are caught.
bool valid_second(unsigned char lead, unsigned char second) {
  switch (lead) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF;
    case 0xED: return second >= 0x80 && second <= 0x9F;
    case 0xF0: return second >= 0x90 && second <= 0xBF;
    case 0xF4: return second >= 0x80 && second <= 0x8F;
    default: return (second & 0xC0) == 0x80;
  }
}

}  // namespace

DecodedCodePoint decode_utf8(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const std::uint32_t length = announced_length(lead);
  if (length == 0 || text.size() < length) return {kReplacement, 1, false};
  if (!valid_second(lead, static_cast<unsigned char>(text[1]))) return {kReplacement, 1, false};
  char32_t value = lead & (0xFFU >> (length + 1));
  for (std::uint32_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return {kReplacement, 1, false};
    value = (value << 6) | (byte & 0x3FU);
  }
  return {value, length, true};
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    // Most text is mostly ASCII, which eight bytes at a time show.
    std::uint64_t eight = 0;
    if (text.size() >= sizeof(eight)) {
      std::memcpy(&eight, text.data(), sizeof(eight));
      if ((eight & 0x8080808080808080U) == 0) {
        text.remove_prefix(sizeof(eight));
        continue;
      }
    }
    const auto decoded = decode_utf8(text);
    if (!decoded.valid) return false;
    text.remove_prefix(decoded.length);
  }
  return true;
}

std::string sanitize_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto decoded = decode_utf8(text);
    if (decoded.valid) {
      out.append(text.substr(0, decoded.length));
    } else {
      append_utf8(out, kReplacement);
    }
    text.remove_prefix(decoded.length);
  }
  return out;
}

std::size_t complete_utf8_prefix(std::string_view text) {
  const std::size_t start = text.size() > 3 ? text.size() - 3 : 0;
  for (std::size_t i = text.size(); i-- > start;) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::uint32_t length = announced_length(byte);
    const std::size_t have = text.size() - i;
    if (length <= have) return text.size();
    if (have >= 2 && !valid_second(byte, static_cast<unsigned char>(text[i + 1]))) return text.size();
    return i;
  }
  return text.size();
}

}  // namespace marquee::base
