#pragma once

#include <span>
#include <string>
#include <vector>

namespace marquee::http {

/// The cosine of the angle between two vectors of one length; 0 if either is zero.
float cosine_similarity(std::span<const float> a, std::span<const float> b);

/// Appends the base64 (RFC 4648) of 32-bit floats, little endian, with quotes.
void append_base64_floats(std::string& body, std::span<const float> values);

/// Appends "[1,2.5]".
void append_json_floats(std::string& body, std::span<const float> values);

/// Indices of the largest scores, largest first; of equal ones the first. @param most at most so many
std::vector<std::size_t> largest_first(std::span<const float> scores, std::size_t most);

}  // namespace marquee::http
