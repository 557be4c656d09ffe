#include "text/jinja/tests.h"

#include <algorithm>
#include <array>

#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {
namespace {

/// A test without arguments.
template <bool (*check)(const Value&)>
Result<bool> simple(Runtime& /*runtime*/, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("a test", std::move(arguments), {}));
  return check(input);
}

bool is_defined(const Value& value) { return !value.is_undefined(); }
bool is_undefined(const Value& value) { return value.is_undefined(); }
bool is_none(const Value& value) { return value.is(Kind::kNone); }
bool is_boolean(const Value& value) { return value.is(Kind::kBoolean); }
bool is_true(const Value& value) { return value.is(Kind::kBoolean) && value.boolean(); }
bool is_false(const Value& value) { return value.is(Kind::kBoolean) && !value.boolean(); }
bool is_integer(const Value& value) { return value.is(Kind::kInteger); }
bool is_float(const Value& value) { return value.is(Kind::kReal); }
bool is_number(const Value& value) { return value.is_number(); }
bool is_string(const Value& value) { return value.is_text(); }
bool is_mapping(const Value& value) { return value.is(Kind::kDict); }
bool is_callable(const Value& value) {
  return value.is_undefined() || (value.is(Kind::kObject) && value.object().callable());
}
bool is_escaped(const Value& value) { return value.is_safe(); }
bool is_iterable_value(const Value& value) { return is_iterable(value); }

/// What has a length and items: Jinja asks for len() and __getitem__.
Result<bool> is_sequence(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("sequence", std::move(arguments), {}));
  if (input.is_undefined()) return true;
  if (input.is_text() || input.is_sequence() || input.is(Kind::kDict)) return true;
  MARQUEE_CHECK(runtime.budget().spend(1));
  return input.is(Kind::kObject) && dynamic_cast<const Range*>(&input.object()) != nullptr;
}

Result<Value> remainder(Runtime& runtime, const Value& input, Integer divisor) {
  return arithmetic(runtime, Operator::kModulo, input, Value::integer(divisor));
}

template <int expected>
Result<bool> has_parity(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("odd", std::move(arguments), {}));
  MARQUEE_ASSIGN(const Value rest, remainder(runtime, input, 2));
  return equals(runtime, rest, Value::integer(expected));
}

Result<bool> is_divisible(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("divisibleby", std::move(arguments), {required("num")}));
  MARQUEE_ASSIGN(const Value rest, arithmetic(runtime, Operator::kModulo, input, bound[0]));
  return equals(runtime, rest, Value::integer(0));
}

template <Operator op>
Result<bool> comparison(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound,
                 BoundArguments::bind(symbol_of(op), std::move(arguments), {required_positional("other")}));
  return compare(runtime, op, input, bound[0]);
}

Result<bool> is_same(Runtime& /*runtime*/, const Value& input, Arguments arguments) {
  MARQUEE_ASSIGN(const auto bound, BoundArguments::bind("sameas", std::move(arguments), {required("other")}));
  return input.same_as(bound[0]);
}

template <bool upper>
Result<bool> has_case(Runtime& runtime, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("upper", std::move(arguments), {}));
  MARQUEE_ASSIGN(const std::string text, to_text(runtime, input));
  MARQUEE_CHECK(runtime.budget().spend_bytes(text.size()));
  bool found = false;
  for (const char32_t c : to_code_points(text)) {
    if (upper ? is_lower_case(c) : is_upper_case(c)) return false;
    if (is_title_case(c)) return false;
    found = found || (upper ? is_upper_case(c) : is_lower_case(c));
  }
  return found;
}

template <bool (*exists)(std::string_view)>
Result<bool> names_known(Runtime& /*runtime*/, const Value& input, Arguments arguments) {
  MARQUEE_CHECK(BoundArguments::bind("filter", std::move(arguments), {}));
  if (!hash_key(input)) return type_error("unhashable type: '" + input.type_name() + "'");
  return input.is_text() && exists(input.text());
}
bool filter_exists(std::string_view name) { return find_filter(name) != nullptr; }
bool test_exists(std::string_view name) { return find_test(name) != nullptr; }

const auto& all_tests() {
  static constexpr std::array kTests = {
      Test{"defined", simple<is_defined>},
      Test{"undefined", simple<is_undefined>},
      Test{"none", simple<is_none>},
      Test{"boolean", simple<is_boolean>},
      Test{"true", simple<is_true>},
      Test{"false", simple<is_false>},
      Test{"integer", simple<is_integer>},
      Test{"float", simple<is_float>},
      Test{"number", simple<is_number>},
      Test{"string", simple<is_string>},
      Test{"mapping", simple<is_mapping>},
      Test{"sequence", is_sequence},
      Test{"iterable", simple<is_iterable_value>},
      Test{"callable", simple<is_callable>},
      Test{"escaped", simple<is_escaped>},
      Test{"odd", has_parity<1>},
      Test{"even", has_parity<0>},
      Test{"divisibleby", is_divisible},
      Test{"lower", has_case<false>},
      Test{"upper", has_case<true>},
      Test{"sameas", is_same},
      Test{"filter", names_known<filter_exists>},
      Test{"test", names_known<test_exists>},
      Test{"in", comparison<Operator::kIn>},
      Test{"eq", comparison<Operator::kEqual>},
      Test{"equalto", comparison<Operator::kEqual>},
      Test{"==", comparison<Operator::kEqual>},
      Test{"ne", comparison<Operator::kNotEqual>},
      Test{"!=", comparison<Operator::kNotEqual>},
      Test{"lt", comparison<Operator::kLess>},
      Test{"lessthan", comparison<Operator::kLess>},
      Test{"<", comparison<Operator::kLess>},
      Test{"le", comparison<Operator::kLessEqual>},
      Test{"<=", comparison<Operator::kLessEqual>},
      Test{"gt", comparison<Operator::kGreater>},
      Test{"greaterthan", comparison<Operator::kGreater>},
      Test{">", comparison<Operator::kGreater>},
      Test{"ge", comparison<Operator::kGreaterEqual>},
      Test{">=", comparison<Operator::kGreaterEqual>},
  };
  return kTests;
}

}  // namespace

const Test* find_test(std::string_view name) {
  const auto& tests = all_tests();
  const auto* found = std::find_if(tests.begin(), tests.end(), [&](const Test& test) { return test.name == name; });
  return found == tests.end() ? nullptr : found;
}

}  // namespace marquee::text::jinja
