#pragma once
// Tools for models whose chat template knows none: described and answered in the conversation's text.

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "serving/chat_prompt.h"

namespace marquee::serving {

/// What the model is told of the tools and of how to call them.
std::string tool_description(const base::json::array& tools);

/// One call as it stands in an answer, see text/grammar/compile.h.
std::string tool_call_text(const ChatMessage::Call& call);

/// The conversation without tool_calls and without the role "tool": calls follow the assistant's text, and what tools
/// answered becomes a message of the user between <tool_response> and </tool_response>.
std::vector<ChatMessage> without_tool_roles(std::span<const ChatMessage> messages);

}  // namespace marquee::serving
