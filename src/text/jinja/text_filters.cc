#include <algorithm>
#include <array>

#include "text/jinja/arguments.h"
#include "text/jinja/filter_groups.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"
#include "text/jinja/text_format.h"
#include "text/jinja/text_split.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

/// str(input), paid for.
Result<std::string> input_text(Runtime& runtime, const Value& input) {
  MARQUEE_ASSIGN(std::string text, to_text(runtime, input));
  MARQUEE_CHECK(runtime.budget().spend_text(text.size()));
  return text;
}

std::string title_words(std::string_view text) {
  constexpr std::u32string_view kBefore = U"-({[<";
  const std::u32string points = to_code_points(text);
  std::string out;
  std::u32string word;
  const auto flush = [&] {
    if (word.empty()) return;
    out += to_upper(to_utf8(std::u32string_view(word).substr(0, 1)));
    out += to_lower(to_utf8(std::u32string_view(word).substr(1)));
    word.clear();
  };
  for (const char32_t point : points) {
    if (!is_space(point) && kBefore.find(point) == std::u32string_view::npos) {
      word.push_back(point);
      continue;
    }
    flush();
    out += to_utf8(std::u32string_view(&point, 1));
  }
  flush();
  return out;
}

template <std::string (*change)(std::string_view)>
Result<Value> changed(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("a filter", std::move(arguments), {}));
  MARQUEE_ASSIGN(const std::string text, input_text(runtime, input));
  return Value::text(change(text), input.is_safe());
}

Result<Value> trim(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("trim", std::move(arguments), {optional("chars")}));
  MARQUEE_ASSIGN(const std::string text, input_text(runtime, input));
  if (bound.is_none_or_absent(0)) return Value::text(std::string(strip(text, Side::kBoth)), input.is_safe());
  MARQUEE_ASSIGN(const std::string characters, bound.text(0));
  MARQUEE_CHECK(runtime.budget().spend(characters.size()));  // they are sorted
  return Value::text(std::string(strip(text, Side::kBoth, characters)), input.is_safe());
}

Result<Value> replace(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("replace", std::move(arguments),
                                                        {required("old"), required("new"), optional("count")}));
  MARQUEE_ASSIGN(const std::string text, input_text(runtime, input));
  MARQUEE_ASSIGN(const std::string old_text, input_text(runtime, bound[0]));
  MARQUEE_ASSIGN(const std::string new_text, input_text(runtime, bound[1]));
  Integer limit = -1;
  if (!bound.is_none_or_absent(2)) {
    MARQUEE_ASSIGN(limit, bound.integer(2, -1));
  }
  MARQUEE_ASSIGN(auto replaced, replace_text(runtime, text, old_text, new_text, limit));
  return Value::text(std::move(replaced));
}

Result<Value> center(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("center", std::move(arguments), {optional("width")}));
  MARQUEE_ASSIGN(const Integer width, bound.integer(0, 80));
  MARQUEE_ASSIGN(const std::string text, input_text(runtime, input));
  MARQUEE_ASSIGN(auto centered, justify_text(runtime, text, width, Side::kBoth, " "));
  return Value::text(std::move(centered), input.is_safe());
}

Result<Value> indent(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("indent", std::move(arguments),
                                                        {optional("width"), optional("first"), optional("blank")}));
  std::string indention(4, ' ');
  if (bound.has(0) && bound[0].is_text()) {
    indention = bound[0].text();
  } else {
    MARQUEE_ASSIGN(const Integer width, bound.integer(0, 4));
    MARQUEE_ASSIGN(indention, justify_text(runtime, "", width, Side::kLeft, " "));
  }
  MARQUEE_ASSIGN(const bool first, bound.flag(runtime, 1, false));
  MARQUEE_ASSIGN(const bool blank, bound.flag(runtime, 2, false));
  if (input.is_undefined()) return undefined_error(input);
  if (!input.is_text()) return type_error("indent wants a str, not " + input.type_name());
  const std::string text = input.text() + "\n";
  const auto lines = split_lines(text, false);
  MARQUEE_CHECK(runtime.budget().spend(text.size()));
  MARQUEE_CHECK(runtime.budget().spend_text(text.size() + (lines.size() + 1) * indention.size()));
  std::string out = first ? indention : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += indention;
    out += lines[i];
  }
  return Value::text(std::move(out), input.is_safe());
}

Result<Value> truncate(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("truncate", std::move(arguments),
                                                        {optional("length"), optional("killwords"), optional("end"),
                                                         optional("leeway")}));
  constexpr Integer kDefaultLength = 255;
  constexpr Integer kDefaultLeeway = 5;
  MARQUEE_ASSIGN(const Integer length, bound.integer(0, kDefaultLength));
  MARQUEE_ASSIGN(const bool inside_words, bound.flag(runtime, 1, false));
  std::string end = "...";
  if (bound.has(2)) {
    MARQUEE_ASSIGN(end, bound.text(2));
  }
  MARQUEE_ASSIGN(const Integer leeway, bound.is_none_or_absent(3) ? kDefaultLeeway : bound.integer(3, 0));
  if (!input.is_text()) return type_error("truncate wants a str, not " + input.type_name());
  const std::string& text = input.text();
  MARQUEE_CHECK(runtime.budget().spend_text(text.size()));
  const auto end_length = static_cast<Integer>(code_point_count(end));
  if (length < end_length) return value_error("truncate to a length shorter than its end");
  if (leeway < 0) return value_error("truncate with a negative leeway");
  const auto size = static_cast<Integer>(code_point_count(text));
  if (size <= length || size - length <= leeway) return input;
  std::string kept = text.substr(0, byte_offset(text, static_cast<std::size_t>(length - end_length)));
  if (!inside_words) kept = kept.substr(0, kept.rfind(' '));
  return Value::text(kept + end, input.is_safe());
}

Result<Value> word_count(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("wordcount", std::move(arguments), {}));
  MARQUEE_ASSIGN(const std::string text, input_text(runtime, input));
  Integer count = 0;
  bool inside = false;
  for (const char32_t c : to_code_points(text)) {
    const bool word = is_alphabetic(c) || is_numeric(c) || c == '_';
    if (word && !inside) ++count;
    inside = word;
  }
  return Value::integer(count);
}

Result<Value> format(Runtime& runtime, const Value& input, Arguments arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    return type_error("format can't handle positional and keyword arguments at the same time");
  }
  Value values;
  if (arguments.named.empty()) {
    MARQUEE_ASSIGN(values, Value::tuple(std::move(arguments.positional)));
  } else {
    auto dict = std::make_shared<Dict>();
    for (auto& [name, value] : arguments.named) MARQUEE_CHECK(dict->set(Value::text(name), std::move(value)));
    values = Value::dict(std::move(dict));
  }
  MARQUEE_ASSIGN(const std::string text, input_text(runtime, input));
  MARQUEE_ASSIGN(auto formatted, format_percent(runtime, text, values));
  return Value::text(std::move(formatted), input.is_safe());
}

Result<Value> string(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("string", std::move(arguments), {}));
  MARQUEE_ASSIGN(auto text, input_text(runtime, input));
  return Value::text(std::move(text), input.is_safe());
}

Result<Value> safe(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("safe", std::move(arguments), {}));
  MARQUEE_ASSIGN(auto text, input_text(runtime, input));
  return Value::text(std::move(text), true);
}

template <bool again>
Result<Value> escape(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("escape", std::move(arguments), {}));
  if (input.is_safe() && !again) return input;
  MARQUEE_ASSIGN(const std::string text, input_text(runtime, input));
  std::string escaped = escape_html(text);
  MARQUEE_CHECK(runtime.budget().spend_text(escaped.size()));
  return Value::text(std::move(escaped), true);
}

constexpr std::array kTextFilters = {
    Filter{"upper", changed<to_upper>},
    Filter{"lower", changed<to_lower>},
    Filter{"capitalize", changed<to_capitalized>},
    Filter{"title", changed<title_words>},
    Filter{"trim", trim},
    Filter{"replace", replace},
    Filter{"center", center},
    Filter{"indent", indent},
    Filter{"truncate", truncate},
    Filter{"wordcount", word_count},
    Filter{"format", format},
    Filter{"string", string},
    Filter{"safe", safe},
    Filter{"escape", escape<false>},
    Filter{"e", escape<false>},
    Filter{"forceescape", escape<true>},
};

}  // namespace

std::span<const Filter> text_filters() { return kTextFilters; }

}  // namespace marquee::text::jinja
