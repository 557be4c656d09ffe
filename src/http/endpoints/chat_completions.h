#pragma once

#include <memory>

#include "http/call.h"

namespace marquee::http {

/// POST /v1/chat/completions
void create_chat_completion(std::shared_ptr<Call> call);

}  // namespace marquee::http
