#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/requests/generation_params.h"
#include "http/requests/tools.h"

namespace marquee::http {

constexpr std::size_t kMaxMessages = 4'096;

struct Message {
  std::string role;                       ///< "system", "user", "assistant" or "tool"; "developer" is read as "system"
  std::string content;                    ///< the text parts joined by line breaks
  std::string name;                       ///< empty if none was given
  std::vector<ToolCall> tool_calls = {};  ///< of an assistant
  std::string tool_call_id = {};          ///< of a tool: the call that it answers
};

/// Body of POST /v1/chat/completions.
struct ChatRequest {
  GenerationParams params;
  std::vector<Message> messages;
  std::int32_t max_tokens = 0;  ///< max_completion_tokens or max_tokens; 0: up to the context's end
  bool logprobs = false;
  std::int32_t top_logprobs = 0;
  std::vector<Tool> tools;  ///< empty if none may be called
  ToolChoice tool_choice;
  bool parallel_tool_calls = true;
};

/// @error kInvalidArgument with `field` named; kUnsupported for what only other servers do (images, audio, …)
base::Result<ChatRequest> parse_chat_request(std::string_view body);

/// Checks and joins a list of messages; `field` begins the names in errors ("messages").
base::Result<std::vector<Message>> parse_messages(const base::json::value& value, std::string_view field);

std::span<const Field<ChatRequest>> chat_fields();

/// JSON Schema of an array of messages.
std::string_view messages_schema();

}  // namespace marquee::http
