#include "http/generation/chat_messages.h"

namespace marquee::http {

std::vector<serving::ChatMessage> chat_messages(const std::vector<Message>& messages) {
  std::vector<serving::ChatMessage> result;
  result.reserve(messages.size());
  for (const Message& message : messages) result.push_back({message.role, message.content, message.name});
  return result;
}

}  // namespace marquee::http
