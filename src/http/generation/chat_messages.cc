#include "http/generation/chat_messages.h"

namespace marquee::http {

std::vector<serving::ChatMessage> chat_messages(const std::vector<Message>& messages) {
  std::vector<serving::ChatMessage> result;
  result.reserve(messages.size());
  for (const Message& message : messages) {
    serving::ChatMessage converted{message.role, message.content, message.name};
    converted.tool_call_id = message.tool_call_id;
    for (const ToolCall& call : message.tool_calls) {
      converted.tool_calls.push_back({call.id, call.name, call.arguments});
    }
    result.push_back(std::move(converted));
  }
  return result;
}

}  // namespace marquee::http
