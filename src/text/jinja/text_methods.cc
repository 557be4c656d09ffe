#include <algorithm>
#include <array>
#include <functional>

#include "base/utf8.h"
#include "text/jinja/access.h"
#include "text/jinja/arguments.h"
#include "text/jinja/operations.h"
#include "text/jinja/text_format.h"
#include "text/jinja/text_search.h"
#include "text/jinja/text_split.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

/// A text made from `self`, as safe as it is.
Value like(const Value& self, std::string text) { return Value::text(std::move(text), self.is_safe()); }

template <std::string (*change)(std::string_view)>
Result<Value> changed_text(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("a str's method", std::move(arguments), {}));
  MARQUEE_CHECK(runtime.budget().spend_text(self.text().size()));
  return like(self, change(self.text()));
}

template <Side side>
Result<Value> strip_method(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("strip", std::move(arguments), {optional_positional("chars")}));
  MARQUEE_CHECK(runtime.budget().spend_bytes(self.text().size()));
  if (bound.is_none_or_absent(0)) return like(self, std::string(strip(self.text(), side)));
  MARQUEE_ASSIGN(const std::string characters, bound.text(0));
  MARQUEE_CHECK(runtime.budget().spend(characters.size()));  // they are sorted
  return like(self, std::string(strip(self.text(), side, characters)));
}

template <bool from_right>
Result<Value> split_method(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("split", std::move(arguments), {optional("sep"), optional("maxsplit")}));
  MARQUEE_ASSIGN(const Integer limit, bound.integer(1, -1));
  std::optional<std::string> separator;
  if (!bound.is_none_or_absent(0)) {
    MARQUEE_ASSIGN(separator, bound.text(0));
    if (separator->empty()) return value_error("empty separator");
  }
  const auto from = from_right ? Side::kRight : Side::kLeft;
  MARQUEE_ASSIGN(const auto parts, split_text(runtime, self.text(), separator, limit, from));
  std::vector<Value> items;
  for (const std::string_view part : parts) items.push_back(like(self, std::string(part)));
  return Value::list(std::move(items));
}

Result<Value> split_lines_method(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("splitlines", std::move(arguments), {optional("keepends")}));
  MARQUEE_ASSIGN(const Integer keep_ends, bound.integer(0, 0));
  MARQUEE_CHECK(runtime.budget().spend(self.text().size()));
  std::vector<Value> items;
  for (const auto line : split_lines(self.text(), keep_ends != 0)) items.push_back(like(self, std::string(line)));
  return Value::list(std::move(items));
}

template <bool from_right>
Result<Value> partition(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("partition", std::move(arguments), {required_positional("sep")}));
  MARQUEE_ASSIGN(const std::string separator, bound.text(0));
  if (separator.empty()) return value_error("empty separator");
  const std::string& text = self.text();
  MARQUEE_CHECK(runtime.budget().spend_bytes(2 * text.size()));
  const std::size_t at = from_right ? find_last(text, separator) : find_first(text, separator);
  if (at == kNotFound) {
    if (from_right) return Value::tuple({like(self, ""), like(self, ""), self});
    return Value::tuple({self, like(self, ""), like(self, "")});
  }
  return Value::tuple(
      {like(self, text.substr(0, at)), like(self, separator), like(self, text.substr(at + separator.size()))});
}

Result<Value> replace_method(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("replace", std::move(arguments),
                                                        {required_positional("old"), required_positional("new"),
                                                         optional_positional("count")}));
  MARQUEE_ASSIGN(const std::string old_text, bound.text(0));
  MARQUEE_ASSIGN(std::string new_text, bound.text(1));
  MARQUEE_ASSIGN(const Integer limit, bound.integer(2, -1));
  if (self.is_safe() && !bound[1].is_safe()) new_text = escape_html(new_text);
  MARQUEE_ASSIGN(auto text, replace_text(runtime, self.text(), old_text, new_text, limit));
  return like(self, std::move(text));
}

/// text[start:stop] of find(), count(), startswith() and so on.
struct Window {
  std::string_view text;
  std::size_t first_index = 0;  ///< in code points
  bool beyond = false;          ///< start is past the end, where Python finds not even an empty text
};
Result<Window> window_of(Runtime& runtime, const Value& self, const BoundArguments& bound) {
  const std::string& text = self.text();
  MARQUEE_CHECK(runtime.budget().spend_bytes(3 * text.size()));
  if (bound.is_none_or_absent(1) && bound.is_none_or_absent(2)) return Window{text, 0};
  const auto size = static_cast<Integer>(code_point_count(text));
  const auto place = [&](std::size_t index, Integer fallback) -> Result<Integer> {
    if (bound.is_none_or_absent(index)) return fallback;
    MARQUEE_ASSIGN(const Integer at, bound.integer(index, fallback));
    return at < 0 ? std::max<Integer>(at < -size ? 0 : at + size, 0) : at;
  };
  MARQUEE_ASSIGN(const Integer start, place(1, 0));
  MARQUEE_ASSIGN(Integer stop, place(2, size));
  stop = std::min(stop, size);
  if (start > stop) return Window{{}, 0, true};
  const std::size_t from = byte_offset(text, static_cast<std::size_t>(start));
  const std::size_t to = byte_offset(text, static_cast<std::size_t>(stop));
  return Window{std::string_view(text).substr(from, to - from), static_cast<std::size_t>(start)};
}

template <bool last, bool must>
Result<Value> find_method_of_text(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("find", std::move(arguments),
                                                        {required_positional("sub"), optional_positional("start"),
                                                         optional_positional("stop")}));
  MARQUEE_ASSIGN(const std::string needle, bound.text(0));
  MARQUEE_ASSIGN(const Window window, window_of(runtime, self, bound));
  const std::size_t at = window.beyond ? kNotFound
                         : last        ? find_last(window.text, needle)
                                       : find_first(window.text, needle);
  if (at == kNotFound) {
    if (must) return value_error("substring not found");
    return Value::integer(-1);
  }
  return Value::integer(static_cast<Integer>(window.first_index + code_point_count(window.text.substr(0, at))));
}

Result<Value> count_method(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("count", std::move(arguments),
                                                        {required_positional("sub"), optional_positional("start"),
                                                         optional_positional("stop")}));
  MARQUEE_ASSIGN(const std::string needle, bound.text(0));
  MARQUEE_ASSIGN(const Window window, window_of(runtime, self, bound));
  if (window.beyond) return Value::integer(0);
  if (needle.empty()) return Value::integer(static_cast<Integer>(code_point_count(window.text) + 1));
  return Value::integer(static_cast<Integer>(count_occurrences(window.text, needle)));
}

template <bool at_end>
Result<Value> starts_or_ends_with(Runtime& runtime, const Value& self, Arguments arguments) {
  const char* name = at_end ? "endswith" : "startswith";
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind(name, std::move(arguments),
                                                        {required_positional(at_end ? "suffix" : "prefix"),
                                                         optional_positional("start"), optional_positional("stop")}));
  std::vector<Value> candidates{bound[0]};
  if (bound[0].is(Kind::kTuple)) candidates = bound[0].items();
  MARQUEE_ASSIGN(const Window window, window_of(runtime, self, bound));
  for (const Value& candidate : candidates) {
    if (candidate.is_undefined()) return undefined_error(candidate);
    if (!candidate.is_text()) {
      return type_error(std::string(name) + " first arg must be str or a tuple of str, not " + candidate.type_name());
    }
    MARQUEE_CHECK(runtime.budget().spend_bytes(candidate.text().size()));
    if (window.beyond) continue;
    if (at_end ? window.text.ends_with(candidate.text()) : window.text.starts_with(candidate.text())) {
      return Value::boolean(true);
    }
  }
  return Value::boolean(false);
}

template <bool at_end>
Result<Value> remove_affix(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("removeprefix", std::move(arguments), {required_positional("affix")}));
  MARQUEE_ASSIGN(const std::string affix, bound.text(0));
  std::string_view text = self.text();
  MARQUEE_CHECK(runtime.budget().spend_bytes(text.size()));
  if (at_end) {
    if (text.ends_with(affix)) text.remove_suffix(affix.size());
  } else if (text.starts_with(affix)) {
    text.remove_prefix(affix.size());
  }
  return like(self, std::string(text));
}

Result<Value> join_method(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("join", std::move(arguments), {required_positional("iterable")}));
  MARQUEE_ASSIGN(const auto items, to_items(runtime, bound[0]));
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].is_undefined()) return undefined_error(items[i]);
    if (!items[i].is_text()) {
      return type_error("sequence item " + std::to_string(i) + ": expected str instance, " + items[i].type_name() +
                        " found");
    }
    const bool escaped = self.is_safe() && !items[i].is_safe();
    const std::string part = escaped ? escape_html(items[i].text()) : items[i].text();
    MARQUEE_CHECK(runtime.budget().spend_bytes(part.size() + self.text().size()));
    if (out.size() + part.size() + self.text().size() > kMaxTextBytes) {
      MARQUEE_CHECK(runtime.budget().spend_text(out.size() + part.size() + self.text().size()));
    }
    if (i > 0) out += self.text();
    out += part;
  }
  return like(self, std::move(out));
}

template <Side side>
Result<Value> justify(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("center", std::move(arguments),
                                                        {required_positional("width"), optional_positional("fill")}));
  MARQUEE_ASSIGN(const Integer width, bound.integer(0, 0));
  std::string fill = " ";
  if (bound.has(1)) {
    MARQUEE_ASSIGN(fill, bound.text(1));
  }
  if (code_point_count(fill) != 1) return type_error("The fill character must be exactly one character long");
  MARQUEE_ASSIGN(auto text, justify_text(runtime, self.text(), width, side, fill));
  return like(self, std::move(text));
}

Result<Value> zero_fill(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("zfill", std::move(arguments), {required_positional("width")}));
  MARQUEE_ASSIGN(const Integer width, bound.integer(0, 0));
  MARQUEE_ASSIGN(auto text, justify_text(runtime, self.text(), width, Side::kRight, "0"));
  const std::size_t zeros = text.size() - self.text().size();
  if (zeros > 0 && !self.text().empty() && (self.text()[0] == '+' || self.text()[0] == '-')) {
    std::swap(text[0], text[zeros]);
  }
  return like(self, std::move(text));
}

Result<Value> expand_tabs(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("expandtabs", std::move(arguments), {optional("tabsize")}));
  MARQUEE_ASSIGN(const Integer size, bound.integer(0, 8));
  std::string out;
  Integer column = 0;
  for (const char c : self.text()) {
    if (c == '\t') {
      const Integer spaces = size > 0 ? size - column % size : 0;
      const Integer at_most = std::min(spaces, static_cast<Integer>(kMaxTextBytes) + 1);
      if (out.size() + static_cast<std::size_t>(at_most) > kMaxTextBytes) {
        MARQUEE_CHECK(runtime.budget().spend_text(kMaxTextBytes + 1));
      }
      out.append(static_cast<std::size_t>(spaces), ' ');
      column += spaces;
    } else {
      out += c;
      if (c == '\n' || c == '\r') {
        column = 0;
      } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
        ++column;
      }
    }
  }
  MARQUEE_CHECK(runtime.budget().spend_text(out.size()));
  return like(self, std::move(out));
}

/// Whether there are characters and all of them are such.
template <bool (*is_such)(char32_t)>
bool all_are(std::u32string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_such);
}
bool is_alphanumeric(char32_t c) { return is_alphabetic(c) || is_decimal(c) || is_digit(c) || is_numeric(c); }
bool is_below_128(char32_t c) { return c < 0x80; }

bool is_all_lower(std::u32string_view text) {
  bool found = false;
  for (const char32_t c : text) {
    if (is_upper_case(c) || is_title_case(c)) return false;
    found = found || is_lower_case(c);
  }
  return found;
}
bool is_all_upper(std::u32string_view text) {
  bool found = false;
  for (const char32_t c : text) {
    if (is_lower_case(c) || is_title_case(c)) return false;
    found = found || is_upper_case(c);
  }
  return found;
}
bool is_title(std::u32string_view text) {
  bool found = false;
  bool after_cased = false;
  for (const char32_t c : text) {
    const bool capital = is_upper_case(c) || is_title_case(c);
    if (capital && after_cased) return false;
    if (is_lower_case(c) && !after_cased) return false;
    after_cased = capital || is_lower_case(c);
    found = found || after_cased;
  }
  return found;
}
bool is_ascii_text(std::u32string_view text) { return std::all_of(text.begin(), text.end(), is_below_128); }
bool is_printable_text(std::u32string_view text) { return std::all_of(text.begin(), text.end(), is_printable); }
bool is_identifier(std::u32string_view text) {
  const auto starts = [](char32_t c) { return is_alphabetic(c) || c == '_'; };
  return !text.empty() && starts(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char32_t c) { return starts(c) || is_decimal(c); });
}

template <bool (*check)(std::u32string_view)>
Result<Value> check_text(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("a str's method", std::move(arguments), {}));
  MARQUEE_CHECK(runtime.budget().spend_bytes(self.text().size()));
  return Value::boolean(check(to_code_points(self.text())));
}

Result<Value> format_method(Runtime& runtime, const Value& self, Arguments arguments) {
  MARQUEE_ASSIGN(auto text, format_braces(runtime, self.text(), arguments));
  return like(self, std::move(text));
}

constexpr std::array kTextMethods = {
    Method{"strip", strip_method<Side::kBoth>},
    Method{"lstrip", strip_method<Side::kLeft>},
    Method{"rstrip", strip_method<Side::kRight>},
    Method{"split", split_method<false>},
    Method{"rsplit", split_method<true>},
    Method{"splitlines", split_lines_method},
    Method{"partition", partition<false>},
    Method{"rpartition", partition<true>},
    Method{"replace", replace_method},
    Method{"startswith", starts_or_ends_with<false>},
    Method{"endswith", starts_or_ends_with<true>},
    Method{"find", find_method_of_text<false, false>},
    Method{"rfind", find_method_of_text<true, false>},
    Method{"index", find_method_of_text<false, true>},
    Method{"rindex", find_method_of_text<true, true>},
    Method{"count", count_method},
    Method{"join", join_method},
    Method{"upper", changed_text<to_upper>},
    Method{"lower", changed_text<to_lower>},
    Method{"title", changed_text<to_title>},
    Method{"capitalize", changed_text<to_capitalized>},
    Method{"swapcase", changed_text<swap_case>},
    Method{"casefold", changed_text<case_fold>},
    Method{"removeprefix", remove_affix<false>},
    Method{"removesuffix", remove_affix<true>},
    Method{"ljust", justify<Side::kLeft>},
    Method{"rjust", justify<Side::kRight>},
    Method{"center", justify<Side::kBoth>},
    Method{"zfill", zero_fill},
    Method{"expandtabs", expand_tabs},
    Method{"format", format_method},
    Method{"isspace", check_text<all_are<is_space>>},
    Method{"isalpha", check_text<all_are<is_alphabetic>>},
    Method{"isdecimal", check_text<all_are<is_decimal>>},
    Method{"isdigit", check_text<all_are<is_digit>>},
    Method{"isnumeric", check_text<all_are<is_numeric>>},
    Method{"isalnum", check_text<all_are<is_alphanumeric>>},
    Method{"islower", check_text<is_all_lower>},
    Method{"isupper", check_text<is_all_upper>},
    Method{"istitle", check_text<is_title>},
    Method{"isascii", check_text<is_ascii_text>},
    Method{"isprintable", check_text<is_printable_text>},
    Method{"isidentifier", check_text<is_identifier>},
};

}  // namespace

const Method* find_text_method(std::string_view name) {
  const auto* found =
      std::find_if(kTextMethods.begin(), kTextMethods.end(), [&](const Method& method) { return method.name == name; });
  return found == kTextMethods.end() ? nullptr : found;
}

}  // namespace marquee::text::jinja
