#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "text/grammar/automaton.h"
#include "text/grammar/budget.h"

namespace marquee::text::grammar {

/// What an answer is to look like.
struct Source {
  enum class Kind : std::uint8_t {
    kGbnf,        ///< `text` is a grammar in llama.cpp's notation
    kJsonSchema,  ///< `text` is a JSON Schema
    kJsonObject,  ///< any JSON object
    kToolCalls,   ///< `text` is from tool_call_source()
  };
  Kind kind = Kind::kGbnf;
  std::string text = {};
  bool operator==(const Source&) const = default;
};

/// How a tool call stands in an answer, as Hermes and Qwen 2.5 write it:
///   <tool_call>\n{"name": "NAME", "arguments": {…}}\n</tool_call>
/// Further calls follow behind a line break.
constexpr std::string_view kToolCallMark = "<tool_call>";
constexpr std::string_view kToolCallOpen = "\n{\"name\": \"";
constexpr std::string_view kToolCallArguments = "\", \"arguments\": ";
constexpr std::string_view kToolCallClose = "}\n</tool_call>";

constexpr std::size_t kMaxTools = 128;
constexpr std::size_t kMaxToolNameBytes = 64;

struct ToolCallRules {
  base::json::array tools;   ///< of {"name": …, "parameters": a schema}; at least one
  bool text_before = false;  ///< the answer may be, or begin with, text without kToolCallMark
  bool one_call = false;     ///< at most one call
};
Source tool_call_source(const ToolCallRules& rules);

/// Compiles within the limits. Deterministic but for the time limit.
/// @error kInvalidArgument saying what is wrong, where, and what to do; `field` is left empty, but for tool calls it is
///        "tools[i].function.parameters"
base::Result<std::shared_ptr<const Automaton>> compile(const Source& source, const Limits& limits = {});

}  // namespace marquee::text::grammar
