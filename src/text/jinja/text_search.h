#pragma once
// Substring search in linear time, whatever the texts: a template chooses both of them.

#include <cstddef>
#include <string>
#include <string_view>

namespace marquee::text::jinja {

constexpr std::size_t kNotFound = std::string_view::npos;

/// The first place of `needle` at or after `from`.
std::size_t find_first(std::string_view text, std::string_view needle, std::size_t from = 0);
/// The last place of `needle`.
std::size_t find_last(std::string_view text, std::string_view needle);

}  // namespace marquee::text::jinja
