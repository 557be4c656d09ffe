#include "text/jinja/text_search.h"

#include <cstring>
#include <vector>

namespace marquee::text::jinja {

std::size_t find_first(std::string_view text, std::string_view needle, std::size_t from) {
  if (from > text.size()) return kNotFound;
  if (needle.empty()) return from;
  if (from == text.size()) return kNotFound;
  // glibc's memmem is the two-way algorithm: linear, unlike std::string::find.
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found == nullptr ? kNotFound : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::size_t find_last(std::string_view text, std::string_view needle) {
  if (needle.empty()) return text.size();
  if (needle.size() > text.size()) return kNotFound;
  // Knuth, Morris and Pratt, from the back.
  const std::size_t n = needle.size();
  const auto from_back = [&](std::size_t i) { return needle[n - 1 - i]; };
  std::vector<std::size_t> fallback(n, 0);
  for (std::size_t i = 1, matched = 0; i < n; ++i) {
    while (matched > 0 && from_back(i) != from_back(matched)) matched = fallback[matched - 1];
    if (from_back(i) == from_back(matched)) ++matched;
    fallback[i] = matched;
  }
  std::size_t matched = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    while (matched > 0 && text[i] != from_back(matched)) matched = fallback[matched - 1];
    if (text[i] == from_back(matched)) ++matched;
    if (matched == n) return i;
  }
  return kNotFound;
}

}  // namespace marquee::text::jinja
