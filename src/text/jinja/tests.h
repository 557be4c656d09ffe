#pragma once

#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// value is name(arguments).
struct Test {
  std::string_view name;
  Result<bool> (*body)(Runtime& runtime, const Value& input, Arguments arguments);
};
/// Null for a test that is not known.
const Test* find_test(std::string_view name);

}  // namespace marquee::text::jinja
