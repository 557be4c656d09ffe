#include <cmath>
#include <limits>

#include "text/jinja/operations.h"
#include "text/jinja/text_format.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

base::Error no_such_operation(Operator op, const Value& left, const Value& right) {
  return type_error(std::string("unsupported operand type(s) for ") + symbol_of(op) + ": '" + left.type_name() +
                    "' and '" + right.type_name() + "'");
}
base::Error overflow() { return base::unsupported("an integer that needs more than 128 bits"); }
base::Error zero_division() { return base::invalid_argument("division by zero"); }

/// Rounded down, as Python divides. @pre divisor is not 0
Integer floor_divide(Integer dividend, Integer divisor) {
  const Integer quotient = dividend / divisor;
  return dividend % divisor != 0 && (dividend < 0) != (divisor < 0) ? quotient - 1 : quotient;
}

Result<Value> integer_power(Integer base, Integer exponent) {
  if (exponent < 0) {
    if (base == 0) return base::invalid_argument("0.0 cannot be raised to a negative power");
    return Value::real(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  Integer result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return overflow();
  }
  return Value::integer(result);
}

Result<Value> integer_arithmetic(Operator op, Integer a, Integer b) {
  constexpr Integer kLowest = Integer{1} << 127;
  Integer result = 0;
  bool overflows = false;
  switch (op) {
    case Operator::kAdd: overflows = __builtin_add_overflow(a, b, &result); break;
    case Operator::kSubtract: overflows = __builtin_sub_overflow(a, b, &result); break;
    case Operator::kMultiply: overflows = __builtin_mul_overflow(a, b, &result); break;
    case Operator::kDivide:
      if (b == 0) return zero_division();
      return Value::real(static_cast<double>(a) / static_cast<double>(b));
    case Operator::kFloorDivide:
    case Operator::kModulo:
      if (b == 0) return zero_division();
      if (a == kLowest && b == -1) return overflow();
      result = floor_divide(a, b);
      if (op == Operator::kModulo) result = a - result * b;
      break;
    default: return integer_power(a, b);
  }
  if (overflows) return overflow();
  return Value::integer(result);
}

Result<Value> real_arithmetic(Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd: return Value::real(a + b);
    case Operator::kSubtract: return Value::real(a - b);
    case Operator::kMultiply: return Value::real(a * b);
    case Operator::kDivide:
      if (b == 0) return zero_division();
      return Value::real(a / b);
    case Operator::kFloorDivide:
    case Operator::kModulo: {
      if (b == 0) return zero_division();
      double rest = std::fmod(a, b);
      if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
      if (op == Operator::kModulo) return Value::real(rest == 0 ? std::copysign(0.0, b) : rest);
      const double quotient = (a - rest) / b;
      const double floored = std::floor(quotient);
      return Value::real(quotient - floored > 0.5 ? floored + 1 : floored);
    }
    default: break;
  }
  if (a == 0 && b < 0) return base::invalid_argument("0.0 cannot be raised to a negative power");
  if (a < 0 && std::floor(b) != b) return base::unsupported("a complex number");
  const double power = std::pow(a, b);
  if (std::isinf(power) && !std::isinf(a) && !std::isinf(b)) return base::invalid_argument("the result is too large");
  return Value::real(power);
}

Result<Value> concatenate(Runtime& runtime, const Value& left, const Value& right) {
  if (left.is_text()) {
    const bool safe = left.is_safe() || right.is_safe();
    MARQUEE_CHECK(runtime.budget().spend_text(left.text().size() + right.text().size()));
    const auto part = [&](const Value& value) {
      return safe && !value.is_safe() ? escape_html(value.text()) : value.text();
    };
    return Value::text(part(left) + part(right), safe);
  }
  MARQUEE_CHECK(runtime.budget().spend(left.items().size() + right.items().size()));
  std::vector<Value> items = left.items();
  items.insert(items.end(), right.items().begin(), right.items().end());
  return left.is(Kind::kList) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

Result<Value> repeat(Runtime& runtime, const Value& value, Integer times) {
  if (times < 0) times = 0;
  const auto size = static_cast<Integer>(value.is_text() ? value.text().size() : value.items().size());
  constexpr Integer kFar = Integer{1} << 40;
  if (size > 0 && times > kFar / size) times = kFar / size;  // far more than is allowed
  const auto total = static_cast<std::size_t>(size * times);
  if (value.is_text()) {
    MARQUEE_CHECK(runtime.budget().spend_text(total));
    std::string out;
    out.reserve(total);
    while (out.size() < total) out += value.text();
    return Value::text(std::move(out), value.is_safe());
  }
  MARQUEE_CHECK(runtime.budget().spend(total));
  std::vector<Value> items;
  items.reserve(total);
  while (items.size() < total) items.insert(items.end(), value.items().begin(), value.items().end());
  return value.is(Kind::kList) ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

}  // namespace

Result<Value> arithmetic(Runtime& runtime, Operator op, const Value& left, const Value& right) {
  if (op == Operator::kModulo && left.is_text()) {
    MARQUEE_ASSIGN(auto text, format_percent(runtime, left.text(), right));
    return Value::text(std::move(text), left.is_safe());
  }
  if (left.is_undefined()) return undefined_error(left);
  if (right.is_undefined()) return undefined_error(right);
  if (left.is_integral() && right.is_integral()) return integer_arithmetic(op, left.integer(), right.integer());
  if (left.is_number() && right.is_number()) return real_arithmetic(op, left.real(), right.real());
  const auto is_repeatable = [](const Value& value) { return value.is_text() || value.is_sequence(); };
  if (op == Operator::kAdd && left.kind() == right.kind() && is_repeatable(left)) {
    return concatenate(runtime, left, right);
  }
  if (op == Operator::kMultiply && is_repeatable(left) && right.is_integral()) {
    return repeat(runtime, left, right.integer());
  }
  if (op == Operator::kMultiply && is_repeatable(right) && left.is_integral()) {
    return repeat(runtime, right, left.integer());
  }
  return no_such_operation(op, left, right);
}

Result<Value> negate(const Value& value) {
  if (value.is_undefined()) return undefined_error(value);
  if (value.is(Kind::kReal)) return Value::real(-value.real());
  if (!value.is_integral()) return type_error("bad operand type for unary -: '" + value.type_name() + "'");
  return integer_arithmetic(Operator::kSubtract, 0, value.integer());
}

Result<Value> unary_plus(const Value& value) {
  if (value.is_undefined()) return undefined_error(value);
  if (value.is(Kind::kReal)) return value;
  if (!value.is_integral()) return type_error("bad operand type for unary +: '" + value.type_name() + "'");
  return Value::integer(value.integer());
}

Result<Integer> to_index(const Value& value) {
  if (value.is_undefined()) return undefined_error(value);
  if (value.is_integral()) return value.integer();
  return type_error("'" + value.type_name() + "' object cannot be interpreted as an integer");
}

}  // namespace marquee::text::jinja
