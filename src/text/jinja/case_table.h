#pragma once

#include <array>

namespace marquee::text::jinja {

/// Zeros fill up what is not used.
struct CaseExpansion {
  char32_t from;
  std::array<char32_t, 3> upper;
  std::array<char32_t, 3> title;
};

/// Null for the code points whose upper and title case are single code points.
const CaseExpansion* find_case_expansion(char32_t code_point);

}  // namespace marquee::text::jinja
