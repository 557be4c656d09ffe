#pragma once
// Python's two ways to format: '%s' % value and '{}'.format(value).

#include <string>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// template_text % value, where a tuple gives several values and a dict those named by %(name)s.
/// @error as Python's: too few or too many values, wrong types; kUnsupported for a conversion other than s r d i u f F
/// x X %
Result<std::string> format_percent(Runtime& runtime, std::string_view template_text, const Value& value);
/// template_text.format(arguments): {}, {0}, {name}, {name.attribute[0]}, !r and !s, and fill, alignment and width.
/// @error as Python's; kUnsupported for other format specifications
Result<std::string> format_braces(Runtime& runtime, std::string_view template_text, const Arguments& arguments);

}  // namespace marquee::text::jinja
