#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace marquee::text::jinja {

/// The text that a literal between quotes stands for, with Python's escapes: \n, \x41, \u00e9, \101, ….
/// @error kInvalidArgument for an escape cut short or a code point that is none; kUnsupported for \N{…}
base::Result<std::string> resolve_escapes(std::string_view literal);

}  // namespace marquee::text::jinja
