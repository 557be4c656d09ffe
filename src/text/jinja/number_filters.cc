#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "text/jinja/arguments.h"
#include "text/jinja/filter_groups.h"
#include "text/jinja/operations.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

/// Without the underscores that Python allows between digits; nothing if one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  const auto is_digit_at = [&](std::size_t i) {
    return i < text.size() && ((text[i] >= '0' && text[i] <= '9') || (text[i] | 0x20) >= 'a');
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || !is_digit_at(i - 1) || text[i - 1] == '_' || !is_digit_at(i + 1) || text[i + 1] == '_') {
      return std::nullopt;
    }
  }
  return out;
}

/// Python's int(text, base). @error for an integer over 128 bits; nothing for what is no integer
Result<std::optional<Integer>> parse_integer(std::string_view text, Integer base) {
  using Parsed = std::optional<Integer>;
  text = strip(text, Side::kBoth);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const char mark = text.size() > 2 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : ' ';
  const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
  if (marked != 0 && (base == 0 || base == marked)) {
    text.remove_prefix(text[2] == '_' ? 3 : 2);
    base = marked;
  }
  const bool guessed = base == 0;
  if (guessed) base = 10;
  const auto digits = without_underscores(text);
  if (!digits || digits->empty()) return Parsed();
  if (guessed && digits->size() > 1 && (*digits)[0] == '0' && digits->find_first_not_of('0') != std::string::npos) {
    return Parsed();  // 010 is not an integer in Python's own notation
  }
  Integer value = 0;
  for (const char c : *digits) {
    const int digit = c >= '0' && c <= '9'                     ? c - '0'
                      : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10
                                                               : 99;
    if (digit >= base) return Parsed();
    if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, Integer{digit}, &value)) {
      return base::unsupported("an integer that needs more than 128 bits");
    }
  }
  return Parsed(negative ? -value : value);
}

/// Python's float(text); nothing for what is no number.
std::optional<double> parse_real(std::string_view text) {
  text = strip(text, Side::kBoth);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string lower = to_lower(text);
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (lower == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    const auto digits = without_underscores(text);
    if (!digits || digits->find_first_not_of("0123456789.eE+-") != std::string::npos || digits->starts_with('-')) {
      return std::nullopt;
    }
    const auto read = std::from_chars(digits->data(), digits->data() + digits->size(), value);
    if (read.ptr != digits->data() + digits->size() || read.ec == std::errc::invalid_argument) return std::nullopt;
    if (read.ec == std::errc::result_out_of_range) value = std::strtod(digits->c_str(), nullptr);
  }
  return negative ? -value : value;
}

Result<Value> integer_filter(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("int", std::move(arguments), {optional("default"), optional("base")}));
  MARQUEE_ASSIGN(const Integer base, bound.integer(1, 10));
  const Value fallback = bound.value_or(0, Value::integer(0));
  if (input.is_undefined()) return undefined_error(input);
  if (input.is_integral()) return Value::integer(input.integer());
  std::optional<double> real;
  if (input.is(Kind::kReal)) {
    real = input.real();
    if (std::isinf(*real)) return value_error("cannot convert float infinity to integer");
  } else if (input.is_text()) {
    MARQUEE_CHECK(runtime.budget().spend_bytes(4 * input.text().size()));
    if (base == 0 || (base >= 2 && base <= 36)) {
      MARQUEE_ASSIGN(const auto integer, parse_integer(input.text(), base));
      if (integer) return Value::integer(*integer);
    }
    real = parse_real(input.text());
  }
  if (!real || !std::isfinite(*real)) return fallback;
  if (std::abs(*real) > 1e38) return base::unsupported("an integer that needs more than 128 bits");
  return Value::integer(static_cast<Integer>(*real));
}

Result<Value> real_filter(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("float", std::move(arguments), {optional("default")}));
  if (input.is_undefined()) return undefined_error(input);
  if (input.is_number()) return Value::real(input.real());
  std::optional<double> real;
  if (input.is_text()) {
    MARQUEE_CHECK(runtime.budget().spend_bytes(4 * input.text().size()));
    real = parse_real(input.text());
  }
  return real ? Value::real(*real) : bound.value_or(0, Value::real(0.0));
}

Result<Value> absolute(Runtime& /*runtime*/, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("abs", std::move(arguments), {}));
  if (input.is_undefined()) return undefined_error(input);
  if (input.is(Kind::kReal)) return Value::real(std::abs(input.real()));
  if (!input.is_integral()) return type_error("bad operand type for abs(): '" + input.type_name() + "'");
  return input.integer() < 0 ? negate(input) : Value::integer(input.integer());
}

/// Python's round() with a precision: half to even on the decimal digits of the exact value.
Value round_to(const Value& input, int precision) {
  if (input.is_integral()) {
    if (precision >= 0) return Value::integer(input.integer());
    Integer unit = 1;
    for (int i = 0; i < -precision && i < 38; ++i) unit *= 10;
    const Integer value = input.integer();
    Integer rest = value % unit;
    if (rest < 0) rest += unit;
    const Integer below = value - rest;
    const bool up = rest * 2 > unit || (rest * 2 == unit && (below / unit) % 2 != 0);
    return Value::integer(up ? below + unit : below);
  }
  const double value = input.real();
  if (!std::isfinite(value)) return input;
  if (precision >= 0) return Value::real(std::stod(fmt::format("{:.{}f}", value, precision)));
  const double unit = std::pow(10.0, -precision);
  return Value::real(std::nearbyint(value / unit) * unit);
}

Result<Value> round_filter(Runtime& /*runtime*/, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind("round", std::move(arguments), {optional("precision"), optional("method")}));
  MARQUEE_ASSIGN(const Integer precision, bound.integer(0, 0));
  std::string method = "common";
  if (bound.has(1)) {
    MARQUEE_ASSIGN(method, bound.text(1));
  }
  if (method != "common" && method != "ceil" && method != "floor") {
    return value_error("method must be common, ceil or floor");
  }
  if (input.is_undefined()) return undefined_error(input);
  if (!input.is_number()) return type_error("type " + input.type_name() + " doesn't define a rounding");
  constexpr int kFarthest = 300;
  if (precision > kFarthest || precision < -kFarthest) return base::unsupported("round() to more than 300 digits");
  if (method == "common") return round_to(input, static_cast<int>(precision));
  const double unit = std::pow(10.0, static_cast<double>(precision));
  const double scaled = input.real() * unit;
  if (!std::isfinite(scaled)) return value_error("cannot convert the number to an integer");
  return Value::real((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

constexpr std::array kNumberFilters = {
    Filter{"int", integer_filter},
    Filter{"float", real_filter},
    Filter{"abs", absolute},
    Filter{"round", round_filter},
};

}  // namespace

std::span<const Filter> number_filters() { return kNumberFilters; }

}  // namespace marquee::text::jinja
