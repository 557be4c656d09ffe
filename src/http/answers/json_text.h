#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace marquee::http {

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Appends the shortest text that reads back as the same float; infinities and NaN, which JSON lacks, as -9999.0 (what
/// OpenAI writes for a log probability that has no number).
void append_json_number(std::string& out, float value);
void append_json_number(std::string& out, std::int64_t value);

}  // namespace marquee::http
