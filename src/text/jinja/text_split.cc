#include "text/jinja/text_split.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/text_search.h"

namespace marquee::text::jinja {
namespace {

std::vector<std::string_view> split_space_left(std::string_view text, Integer limit) {
  std::vector<std::string_view> parts;
  text = strip(text, Side::kLeft);
  while (!text.empty()) {
    if (limit >= 0 && static_cast<Integer>(parts.size()) == limit) {
      parts.push_back(text);
      break;
    }
    std::size_t end = 0;
    while (end < text.size()) {
      const auto decoded = base::decode_utf8(text.substr(end));
      if (is_space(decoded.code_point)) break;
      end += decoded.length;
    }
    parts.push_back(text.substr(0, end));
    text = strip(text.substr(end), Side::kLeft);
  }
  return parts;
}

std::vector<std::string_view> split_space_right(std::string_view text, Integer limit) {
  std::vector<std::string_view> parts;
  text = strip(text, Side::kRight);
  while (!text.empty()) {
    if (limit >= 0 && static_cast<Integer>(parts.size()) == limit) {
      parts.push_back(text);
      break;
    }
    std::size_t start = text.size();
    while (start > 0) {
      std::size_t before = start - 1;
      while (before > 0 && (static_cast<unsigned char>(text[before]) & 0xC0U) == 0x80U) --before;
      if (is_space(base::decode_utf8(text.substr(before)).code_point)) break;
      start = before;
    }
    parts.push_back(text.substr(start));
    text = strip(text.substr(0, start), Side::kRight);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

/// Where `needle` stands in `text`, from the left or from the right, not overlapping, in rising order.
std::vector<std::size_t> places_of(std::string_view text, std::string_view needle, Integer limit, Side from) {
  std::vector<std::size_t> places;
  const auto full = [&] { return limit >= 0 && static_cast<Integer>(places.size()) >= limit; };
  if (from == Side::kLeft) {
    for (std::size_t at = 0; !full();) {
      at = find_first(text, needle, at);
      if (at == kNotFound) break;
      places.push_back(at);
      at += needle.size();
    }
    return places;
  }
  // From the right it is the same search on reversed texts, which keeps it linear.
  const std::string reversed(text.rbegin(), text.rend());
  const std::string reversed_needle(needle.rbegin(), needle.rend());
  for (std::size_t at = 0; !full();) {
    at = find_first(reversed, reversed_needle, at);
    if (at == kNotFound) break;
    places.push_back(text.size() - at - needle.size());
    at += needle.size();
  }
  std::reverse(places.begin(), places.end());
  return places;
}

}  // namespace

Result<std::vector<std::string_view>> split_text(Runtime& runtime, std::string_view text,
                                                 const std::optional<std::string>& separator, Integer limit,
                                                 Side from) {
  MARQUEE_CHECK(runtime.budget().spend_bytes(2 * text.size()));
  std::vector<std::string_view> parts;
  if (!separator) {
    parts = from == Side::kLeft ? split_space_left(text, limit) : split_space_right(text, limit);
  } else {
    std::size_t start = 0;
    for (const std::size_t at : places_of(text, *separator, limit, from)) {
      parts.push_back(text.substr(start, at - start));
      start = at + separator->size();
    }
    parts.push_back(text.substr(start));
  }
  MARQUEE_CHECK(runtime.budget().spend(2 * parts.size()));
  return parts;
}

std::size_t count_occurrences(std::string_view text, std::string_view needle) {
  return places_of(text, needle, -1, Side::kLeft).size();
}

Result<std::string> replace_text(Runtime& runtime, std::string_view text, std::string_view old_text,
                                 std::string_view new_text, Integer limit) {
  MARQUEE_CHECK(runtime.budget().spend_bytes(2 * text.size()));
  std::vector<std::size_t> places;
  if (!old_text.empty()) {
    places = places_of(text, old_text, limit, Side::kLeft);
  } else {
    for (std::size_t at = 0; at <= text.size() && (limit < 0 || static_cast<Integer>(places.size()) < limit); ++at) {
      if (at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U) places.push_back(at);
    }
  }
  MARQUEE_CHECK(runtime.budget().spend(places.size()));
  MARQUEE_CHECK(
      runtime.budget().spend_text(text.size() - places.size() * old_text.size() + places.size() * new_text.size()));
  std::string out;
  std::size_t copied = 0;
  for (const std::size_t at : places) {
    out.append(text.substr(copied, at - copied)).append(new_text);
    copied = at + old_text.size();
  }
  return out.append(text.substr(copied));
}

Result<std::string> justify_text(Runtime& runtime, std::string_view text, Integer width, Side side,
                                 std::string_view fill) {
  const auto length = static_cast<Integer>(code_point_count(text));
  MARQUEE_CHECK(runtime.budget().spend_text(text.size()));
  if (width <= length) return std::string(text);
  const Integer missing = width - length;
  if (missing > Integer{kMaxTextBytes}) MARQUEE_CHECK(runtime.budget().spend_text(kMaxTextBytes + 1));
  MARQUEE_CHECK(runtime.budget().spend_text(text.size() + static_cast<std::size_t>(missing) * fill.size()));
  Integer left = 0;
  if (side == Side::kRight) left = missing;
  if (side == Side::kBoth) left = missing / 2 + (missing & width & 1);  // as CPython rounds
  std::string out;
  for (Integer i = 0; i < left; ++i) out += fill;
  out += text;
  for (Integer i = left; i < missing; ++i) out += fill;
  return out;
}

}  // namespace marquee::text::jinja
