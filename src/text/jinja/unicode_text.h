#pragma once
// Python's str, seen as code points over UTF-8.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace marquee::text::jinja {

/// Whether every byte is ASCII, so that bytes are code points.
bool is_ascii(std::string_view text);
/// Python's len().
std::size_t code_point_count(std::string_view text);
/// The byte where code point `index` begins; text.size() past the end.
std::size_t byte_offset(std::string_view text, std::size_t index);
std::u32string to_code_points(std::string_view text);
std::string to_utf8(std::u32string_view points);

bool is_space(char32_t c);       ///< str.isspace(), and what strip() and split() take off
bool is_line_break(char32_t c);  ///< what str.splitlines() splits at
bool is_printable(char32_t c);   ///< str.isprintable()
bool is_alphabetic(char32_t c);  ///< str.isalpha()
bool is_decimal(char32_t c);     ///< str.isdecimal()
bool is_digit(char32_t c);       ///< str.isdigit(): also superscripts
bool is_numeric(char32_t c);     ///< str.isnumeric(): also fractions and CJK numerals are left to the category No, Nl
bool is_lower_case(char32_t c);
bool is_upper_case(char32_t c);
bool is_title_case(char32_t c);
bool is_cased(char32_t c);
/// Unicode's Case_Ignorable, as far as categories and the word-break marks of Latin text give it.
bool is_case_ignorable(char32_t c);

/// Full case mappings (Unicode's SpecialCasing, without the language-dependent ones).
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);        ///< str.title()
std::string to_capitalized(std::string_view text);  ///< str.capitalize()
std::string swap_case(std::string_view text);
std::string case_fold(std::string_view text);

/// Without the whitespace (or the given characters) at the ends.
enum class Side : unsigned char { kLeft, kRight, kBoth };
std::string_view strip(std::string_view text, Side side);
std::string_view strip(std::string_view text, Side side, std::string_view characters);

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

/// &, <, >, ' and " as HTML entities, as markupsafe writes them.
std::string escape_html(std::string_view text);

}  // namespace marquee::text::jinja
