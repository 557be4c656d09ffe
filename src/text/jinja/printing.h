#pragma once
// How Python prints values.

#include <string>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace marquee::text::jinja {

/// str(value); an undefined value gives nothing.
Result<std::string> to_text(Runtime& runtime, const Value& value);
/// repr(value).
Result<std::string> to_repr(Runtime& runtime, const Value& value);

std::string integer_to_text(Integer value);
/// The shortest digits that read back as `value`, with an exponent below 1e-4 and from 1e16 on.
std::string real_to_text(double value);
/// A text in quotes, with what cannot be printed escaped.
std::string quote(std::string_view text);

}  // namespace marquee::text::jinja
