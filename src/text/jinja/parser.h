#pragma once

#include <memory>
#include <string_view>

#include "text/jinja/nodes.h"

namespace marquee::text::jinja {

struct ParsedTemplate {
  Body body;
  NameTable names;
};

/// Parses a template and checks that all of it can be rendered.
/// @error kInvalidArgument for a syntax error; kUnsupported naming a tag, filter, test, function or method that is not
/// known; each with line and column. kTooLarge if nested too deeply.
Result<ParsedTemplate> parse_template(std::string_view source);

}  // namespace marquee::text::jinja
