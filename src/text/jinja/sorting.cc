#include "text/jinja/sorting.h"

#include <algorithm>

#include "text/jinja/operations.h"
#include "text/jinja/unicode_text.h"

namespace marquee::text::jinja {

Result<void> sort_by_key(Runtime& runtime, std::vector<Keyed>& values, Order order) {
  Result<void> outcome;
  std::stable_sort(values.begin(), values.end(), [&](const Keyed& a, const Keyed& b) {
    if (!outcome) return false;  // any order will do then
    const auto less = order == Order::kRising ? is_less(runtime, a.first, b.first) : is_less(runtime, b.first, a.first);
    if (!less) outcome = less.error();
    return less && *less;
  });
  return outcome;
}

Result<Value> without_case(Runtime& runtime, const Value& value) {
  if (!value.is_text()) return value;
  MARQUEE_CHECK(runtime.budget().spend_text(value.text().size()));
  return Value::text(to_lower(value.text()));
}

}  // namespace marquee::text::jinja
