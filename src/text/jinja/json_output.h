#pragma once

#include <optional>
#include <string>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// As Python's json.dumps(ensure_ascii=False) writes values.
struct JsonStyle {
  std::optional<std::string> indent;  ///< what a level of nesting puts in front of a line; nothing: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
  bool ensure_ascii = false;
};
/// @error for values JSON has no form for: undefined, functions, keys other than texts, numbers, booleans and None
Result<std::string> to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

/// The filter of that name, with transformers' parameters.
Result<Value> tojson_filter(Runtime& runtime, const Value& input, Arguments arguments);

}  // namespace marquee::text::jinja
