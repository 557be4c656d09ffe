#include "text/jinja/text_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "text/jinja/access.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"
#include "text/jinja/text_split.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

__extension__ typedef unsigned __int128 Magnitude;

constexpr std::size_t kMaxWidth = 4096;  // of one formatted value, and its digits

/// "[-+ 0#][width][.precision]" of a % conversion.
struct Specification {
  bool left = false;
  bool zeros = false;
  bool alternate = false;
  char sign = '\0';  ///< '+' or ' ' in front of what is not negative
  std::size_t width = 0;
  std::optional<std::size_t> precision;
};

Result<std::size_t> read_number(std::string_view& text) {
  std::size_t number = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    number = number * 10 + static_cast<std::size_t>(text[0] - '0');
    if (number > kMaxWidth) return value_error(fmt::format("a format's width over {}", kMaxWidth));
    text.remove_prefix(1);
  }
  return number;
}

Result<Specification> read_specification(std::string_view& text) {
  Specification specification;
  for (; !text.empty(); text.remove_prefix(1)) {
    if (text[0] == '-') {
      specification.left = true;
    } else if (text[0] == '0') {
      specification.zeros = true;
    } else if (text[0] == '#') {
      specification.alternate = true;
    } else if (text[0] == '+' || (text[0] == ' ' && specification.sign == '\0')) {
      specification.sign = text[0];
    } else if (text[0] != ' ') {
      break;
    }
  }
  MARQUEE_ASSIGN(specification.width, read_number(text));
  if (text.empty() || text[0] != '.') return specification;
  text.remove_prefix(1);
  MARQUEE_ASSIGN(specification.precision, read_number(text));
  return specification;
}

Result<std::string> convert_number(char conversion, const Specification& specification, const Value& value) {
  if (!value.is_number()) {
    return type_error(fmt::format("%{} format: a real number is required, not {}", conversion, value.type_name()));
  }
  std::string digits;
  bool negative = false;
  if (conversion == 'f' || conversion == 'F') {
    negative = std::signbit(value.real());
    digits = fmt::format("{:.{}f}", std::abs(value.real()), specification.precision.value_or(6));
  } else {
    if (conversion != 'd' && conversion != 'i' && conversion != 'u' && !value.is_integral()) {
      return type_error(fmt::format("%{} format: an integer is required, not {}", conversion, value.type_name()));
    }
    const double real = value.real();
    if (!value.is_integral() && !(std::abs(real) < 1e30)) return value_error("cannot convert the number to an integer");
    const Integer number = value.is_integral() ? value.integer() : static_cast<Integer>(real);
    negative = number < 0;
    const Magnitude magnitude = negative ? -static_cast<Magnitude>(number) : static_cast<Magnitude>(number);
    digits = conversion == 'x'   ? fmt::format("{:x}", magnitude)
             : conversion == 'X' ? fmt::format("{:X}", magnitude)
                                 : fmt::format("{}", magnitude);
    if (specification.precision && digits.size() < *specification.precision) {
      digits.insert(0, *specification.precision - digits.size(), '0');
    }
    if (specification.alternate && (conversion == 'x' || conversion == 'X'))
      digits.insert(0, conversion == 'x' ? "0x" : "0X");
  }
  std::string sign = negative ? "-" : specification.sign == '\0' ? "" : std::string(1, specification.sign);
  if (specification.zeros && !specification.left && sign.size() + digits.size() < specification.width) {
    digits.insert(0, specification.width - sign.size() - digits.size(), '0');
  }
  return sign + digits;
}

Result<std::string> convert(Runtime& runtime, char conversion, const Specification& specification, const Value& value) {
  switch (conversion) {
    case 's':
    case 'r': {
      MARQUEE_ASSIGN(std::string text, conversion == 's' ? to_text(runtime, value) : to_repr(runtime, value));
      if (specification.precision) text.resize(byte_offset(text, *specification.precision));
      return text;
    }
    case 'd':
    case 'i':
    case 'u':
    case 'f':
    case 'F':
    case 'x':
    case 'X': return convert_number(conversion, specification, value);
    default: return base::unsupported(fmt::format("the conversion '%{}' in a text's % format", conversion));
  }
}

Result<void> append(Runtime& runtime, std::string& out, std::string_view part) {
  MARQUEE_CHECK(runtime.budget().spend_bytes(part.size()));
  if (out.size() + part.size() > kMaxTextBytes) return runtime.budget().spend_text(out.size() + part.size());
  out.append(part);
  return {};
}

/// The values of a % in the order in which its conversions take them.
class PercentValues {
 public:
  explicit PercentValues(const Value& value) : value_(value) {}

  Result<Value> next() {
    if (value_.is(Kind::kTuple)) {
      if (taken_ < value_.items().size()) return value_.items()[taken_++];
    } else if (taken_++ == 0) {
      return value_;
    }
    return type_error("not enough arguments for format string");
  }
  Result<Value> named(std::string_view name) {
    taken_ = 1;
    if (!value_.is(Kind::kDict)) return type_error("format requires a mapping");
    if (const Value* found = value_.dict().find(name)) return *found;
    return value_error("the format's '" + std::string(name) + "' is missing");
  }
  [[nodiscard]] bool all_taken() const {
    if (value_.is(Kind::kTuple)) return taken_ >= value_.items().size();
    // What can be indexed counts as a mapping, which needs not be used up.
    const bool mapping = value_.is(Kind::kDict) || value_.is(Kind::kList) || value_.is_undefined() ||
                         (value_.is(Kind::kObject) && dynamic_cast<const Range*>(&value_.object()) != nullptr);
    return taken_ > 0 || mapping;
  }

 private:
  const Value& value_;
  std::size_t taken_ = 0;
};

/// One replacement field of str.format(): "name.attribute[index]!r:specification".
class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const Arguments& arguments) : runtime_(runtime), arguments_(arguments) {}

  Result<std::string> field(std::string_view field) {
    std::string_view specification;
    if (const auto colon = field.find(':'); colon != std::string_view::npos) {
      specification = field.substr(colon + 1);
      field = field.substr(0, colon);
    }
    bool as_repr = false;
    bool as_text = false;
    if (field.ends_with("!r") || field.ends_with("!s")) {
      as_repr = field.back() == 'r';
      as_text = true;
      field.remove_suffix(2);
    } else if (field.find('!') != std::string_view::npos) {
      return base::unsupported("the conversion of the field {" + std::string(field) + "} in str.format()");
    }
    MARQUEE_ASSIGN(const Value value, look_up(field));
    MARQUEE_ASSIGN(std::string text, as_repr ? to_repr(runtime_, value) : to_text(runtime_, value));
    return aligned(std::move(text), specification, !as_text && value.is_number());
  }

 private:
  Result<Value> look_up(std::string_view field) {
    const std::size_t end = std::min(field.find_first_of(".["), field.size());
    MARQUEE_ASSIGN(Value value, first(field.substr(0, end)));
    field.remove_prefix(end);
    while (!field.empty()) {
      MARQUEE_CHECK(runtime_.budget().spend(1));
      const bool attribute = field[0] == '.';
      field.remove_prefix(1);
      const std::size_t stop = std::min(attribute ? field.find_first_of(".[") : field.find(']'), field.size());
      const std::string name(field.substr(0, stop));
      if (name.empty() || (!attribute && stop == field.size())) return value_error("bad field in str.format()");
      if (attribute) {
        // What a template can reach by an attribute here are methods, which have no text.
        return base::unsupported("the attribute '" + name + "' in str.format()");
      }
      const bool number = name.find_first_not_of("0123456789") == std::string::npos && name.size() < 10;
      MARQUEE_ASSIGN(value, get_item(runtime_, value, number ? Value::integer(std::stoi(name)) : Value::text(name)));
      if (value.is_undefined()) return undefined_error(value);
      field.remove_prefix(stop + 1);
    }
    return value;
  }

  Result<Value> first(std::string_view name) {
    if (!name.empty() && name.find_first_not_of("0123456789") != std::string_view::npos) {
      for (const auto& [known, value] : arguments_.named) {
        if (known == name) return value;
      }
      return value_error("str.format() has no argument '" + std::string(name) + "'");
    }
    if (name.size() > 9) return value_error("str.format() has no such argument");
    const std::size_t index = name.empty() ? counted_++ : std::stoul(std::string(name));
    if (index < arguments_.positional.size()) return arguments_.positional[index];
    return value_error("str.format() has no argument " + std::to_string(index));
  }

  /// [[fill]alignment][width]
  Result<std::string> aligned(std::string text, std::string_view specification, bool number) {
    if (specification.empty()) return text;
    const std::string_view whole = specification;
    std::string fill = " ";
    char alignment = number ? '>' : '<';
    const std::size_t first_length = byte_offset(specification, 1);
    const auto is_alignment = [](char c) { return c == '<' || c == '>' || c == '^'; };
    if (specification.size() > first_length && is_alignment(specification[first_length])) {
      fill = specification.substr(0, first_length);
      alignment = specification[first_length];
      specification.remove_prefix(first_length + 1);
    } else if (is_alignment(specification[0])) {
      alignment = specification[0];
      specification.remove_prefix(1);
    }
    const bool padded = specification.starts_with('0');
    MARQUEE_ASSIGN(const std::size_t width, read_number(specification));
    if (!specification.empty() || padded) {
      return base::unsupported("the format specification '" + std::string(whole) + "' in str.format()");
    }
    if (alignment == '^') {
      const std::size_t length = code_point_count(text);
      const std::size_t left = width > length ? (width - length) / 2 : 0;
      MARQUEE_ASSIGN(text, justify_text(runtime_, text, static_cast<Integer>(length + left), Side::kRight, fill));
      return justify_text(runtime_, text, static_cast<Integer>(width), Side::kLeft, fill);
    }
    return justify_text(runtime_, text, static_cast<Integer>(width), alignment == '<' ? Side::kLeft : Side::kRight,
                        fill);
  }

  Runtime& runtime_;
  const Arguments& arguments_;
  std::size_t counted_ = 0;
};

}  // namespace

Result<std::string> format_percent(Runtime& runtime, std::string_view text, const Value& value) {
  std::string out;
  PercentValues values(value);
  while (true) {
    const std::size_t percent = std::min(text.find('%'), text.size());
    MARQUEE_CHECK(append(runtime, out, text.substr(0, percent)));
    if (percent == text.size()) break;
    text.remove_prefix(percent + 1);
    std::optional<std::string> name;
    if (text.starts_with('(')) {
      const std::size_t end = text.find(')');
      if (end == std::string_view::npos) return value_error("incomplete format key");
      name = text.substr(1, end - 1);
      text.remove_prefix(end + 1);
    }
    MARQUEE_ASSIGN(const Specification specification, read_specification(text));
    if (text.empty()) return value_error("incomplete format");
    const char conversion = text[0];
    text.remove_prefix(1);
    if (conversion == '%') {
      MARQUEE_CHECK(append(runtime, out, "%"));
      continue;
    }
    MARQUEE_ASSIGN(const Value next, name ? values.named(*name) : values.next());
    MARQUEE_ASSIGN(const std::string converted, convert(runtime, conversion, specification, next));
    MARQUEE_ASSIGN(const std::string filled, justify_text(runtime, converted, static_cast<Integer>(specification.width),
                                                          specification.left ? Side::kLeft : Side::kRight, " "));
    MARQUEE_CHECK(append(runtime, out, filled));
  }
  if (!values.all_taken()) return type_error("not all arguments converted during string formatting");
  return out;
}

Result<std::string> format_braces(Runtime& runtime, std::string_view text, const Arguments& arguments) {
  std::string out;
  BraceFormatter formatter(runtime, arguments);
  while (true) {
    const std::size_t brace = std::min(text.find_first_of("{}"), text.size());
    MARQUEE_CHECK(append(runtime, out, text.substr(0, brace)));
    if (brace == text.size()) return out;
    const char kind = text[brace];
    text.remove_prefix(brace + 1);
    if (text.starts_with(kind)) {
      MARQUEE_CHECK(append(runtime, out, text.substr(0, 1)));
      text.remove_prefix(1);
      continue;
    }
    if (kind == '}') return value_error("Single '}' encountered in format string");
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) return value_error("expected '}' before end of string");
    if (text.substr(0, end).find('{') != std::string_view::npos) {
      return base::unsupported("fields within fields in str.format()");
    }
    MARQUEE_ASSIGN(const std::string field, formatter.field(text.substr(0, end)));
    MARQUEE_CHECK(append(runtime, out, field));
    text.remove_prefix(end + 1);
  }
}

}  // namespace marquee::text::jinja
