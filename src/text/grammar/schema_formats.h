#pragma once

#include <optional>
#include <string_view>

namespace marquee::text::grammar {

/// A pattern of strings of a `format`, as parse_pattern() reads it; none for formats that are not known. The patterns
/// never match what the format forbids, and leave out rare forms (a leap second, 29 February, compressed IPv6).
/// @source RFC 3339 (dates and times), RFC 4122 (uuid), RFC 1123 (hostname), RFC 2673 (ipv4), RFC 3986 (uri)
std::optional<std::string_view> format_pattern(std::string_view format);

/// Names of all known formats, with commas.
std::string_view known_formats();

}  // namespace marquee::text::grammar
