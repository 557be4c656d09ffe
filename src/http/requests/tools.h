#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/grammar/compile.h"

namespace marquee::http {

/// A function that the model may ask to have called.
struct Tool {
  std::string name;
  base::json::object definition;  ///< {"type": "function", "function": {…}}, as the template shows it to the model
  base::json::object parameters;  ///< a JSON Schema whose type is object
};

enum class ToolMode : std::uint8_t { kNone, kAuto, kRequired };

struct ToolChoice {
  ToolMode mode = ToolMode::kAuto;
  std::string name;  ///< with kRequired: only this tool; empty: any
};

/// A call that an assistant's message holds.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  ///< JSON text
};

constexpr std::size_t kMaxToolCalls = 128;
constexpr std::size_t kMaxToolCallIdLength = 64;  ///< code points

/// @error kInvalidArgument naming the field; kUnsupported for tools that are no functions
base::Result<std::vector<Tool>> parse_tools(const base::json::value& value);
base::Result<ToolChoice> parse_tool_choice(const base::json::value& value);
base::Result<std::vector<ToolCall>> parse_tool_calls(const base::json::value& value, const std::string& field);

/// The grammar of an answer that may (kAuto) or must (kRequired) call tools. @pre mode is not kNone, tools not empty,
///      choice.name is a tool's or empty
text::grammar::Source tool_grammar(const std::vector<Tool>& tools, const ToolChoice& choice, bool parallel);

/// JSON Schemas of the fields.
inline constexpr std::string_view kToolsSchema =
    R"({"type": ["array", "null"], "maxItems": 128, "items": {"type": "object",
  "required": ["type", "function"], "properties": {"type": {"type": "string", "enum": ["function"]},
    "function": {"type": "object", "required": ["name"], "properties": {
      "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}, "description": {"type": ["string", "null"]},
      "parameters": {"type": ["object", "null"]}, "strict": {"type": ["boolean", "null"]}}}}}})";
inline constexpr std::string_view kToolChoiceSchema = R"({"anyOf": [
  {"type": ["string", "null"], "enum": ["none", "auto", "required", null]},
  {"type": "object", "required": ["type", "function"], "properties": {"type": {"type": "string", "enum": ["function"]},
    "function": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}]})";

}  // namespace marquee::http
