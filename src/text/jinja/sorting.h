#pragma once

#include <utility>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

enum class Order : std::uint8_t { kRising, kFalling };

/// A key that the values are sorted by, with the value.
using Keyed = std::pair<Value, Value>;
/// As Python's sorted(): stable in either order. @error for keys that have no order
Result<void> sort_by_key(Runtime& runtime, std::vector<Keyed>& values, Order order);

/// The key that ignores case: a text in lower case, all else as it is.
Result<Value> without_case(Runtime& runtime, const Value& value);

}  // namespace marquee::text::jinja
