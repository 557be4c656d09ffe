#pragma once

#include <vector>

#include "http/requests/chat_request.h"
#include "serving/chat_prompt.h"

namespace marquee::http {

/// A request's messages as serving knows them.
std::vector<serving::ChatMessage> chat_messages(const std::vector<Message>& messages);

}  // namespace marquee::http
