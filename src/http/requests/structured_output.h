#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "text/grammar/compile.h"

namespace marquee::http {

/// The value of `response_format`: none for {"type": "text"}. "json_object" may have a "schema" too, as llama-server
/// takes it.
/// @error kInvalidArgument naming the field
base::Result<std::optional<text::grammar::Source>> parse_response_format(const base::json::value& value);

/// JSON Schema of `response_format`.
inline constexpr std::string_view kResponseFormatSchema =
    R"({"type": ["object", "null"], "required": ["type"], "properties": {
  "type": {"type": "string", "enum": ["text", "json_object", "json_schema"]},
  "json_schema": {"type": "object", "required": ["name", "schema"], "properties": {
    "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "description": {"type": "string"},
    "schema": {"type": "object"}, "strict": {"type": ["boolean", "null"]}}}}})";

}  // namespace marquee::http
