#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace marquee::formats {

/// Unicode normalisation forms (UAX #15).
enum class UnicodeForm : std::uint8_t { kNfc, kNfd, kNfkc, kNfkd };

/// @param text valid UTF-8
/// Linear in its length up to the logarithm of its longest run of combining marks.
std::string to_unicode_form(std::string_view text, UnicodeForm form);

}  // namespace marquee::formats
