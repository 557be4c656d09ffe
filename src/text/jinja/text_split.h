#pragma once
// Taking texts apart and putting them together as Python's str does, paid for from the budget.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {

/// str.split() from the left, str.rsplit() from the right. Nothing as the separator: runs of whitespace.
/// @param limit of splits; negative for none
Result<std::vector<std::string_view>> split_text(Runtime& runtime, std::string_view text,
                                                 const std::optional<std::string>& separator, Integer limit, Side from);
/// Not overlapping. @pre needle is not empty
std::size_t count_occurrences(std::string_view text, std::string_view needle);
/// str.replace(); an empty `old_text` stands between all characters. @param limit negative for none
Result<std::string> replace_text(Runtime& runtime, std::string_view text, std::string_view old_text,
                                 std::string_view new_text, Integer limit);
/// Filled up to `width` code points. @param side where the text stays: kBoth is str.center()
Result<std::string> justify_text(Runtime& runtime, std::string_view text, Integer width, Side side,
                                 std::string_view fill);

}  // namespace marquee::text::jinja
