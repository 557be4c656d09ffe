#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace marquee::apps {

/// What one event of an OpenAI-compatible stream says, of a chat or a completion. What it does not say is empty.
struct StreamEvent {
  std::string text;
  std::string finish_reason;
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> completion_tokens;
};

/// @error kInternal with what the server says went wrong; kInvalidArgument if it is not JSON
base::Result<StreamEvent> read_stream_event(std::string_view data);

}  // namespace marquee::apps
