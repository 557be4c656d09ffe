#pragma once

#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// value|name(arguments). Those of Jinja2 whose output is plain text; `tojson` is transformers'.
struct Filter {
  std::string_view name;
  Result<Value> (*body)(Runtime& runtime, const Value& input, Arguments arguments);
};
/// Null for a filter that is not known.
const Filter* find_filter(std::string_view name);

}  // namespace marquee::text::jinja
