#pragma once
// The filters by what they work on; filters.cc puts them together.

#include <span>

#include "text/jinja/filters.h"

namespace marquee::text::jinja {

std::span<const Filter> text_filters();
std::span<const Filter> number_filters();
std::span<const Filter> sequence_filters();
/// map, select, reject, selectattr and rejectattr, which call other filters and tests.
std::span<const Filter> selecting_filters();

}  // namespace marquee::text::jinja
