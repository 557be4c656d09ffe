#include "apps/stream_event.h"

#include "base/json.h"

namespace marquee::apps {
namespace {

namespace json = base::json;

const json::value* at(const json::value* value, const char* name) {
  return value != nullptr && value->is_object() ? value->get_object().if_contains(name) : nullptr;
}

std::string text_at(const json::value* value, const char* name) {
  const json::value* found = at(value, name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::optional<std::int64_t> count_at(const json::value* value, const char* name) {
  const json::value* found = at(value, name);
  if (found == nullptr || !found->is_int64()) return std::nullopt;
  return found->get_int64();
}

base::Error said_by_server(const json::value& error) {
  const std::string message = text_at(&error, "message");
  return {base::ErrorCode::kInternal, "the server: " + (message.empty() ? json::serialize(error) : message)};
}

}  // namespace

base::Result<StreamEvent> read_stream_event(std::string_view data) {
  MARQUEE_ASSIGN(const json::value event, base::parse_json(data, "the server's event"));
  if (const json::value* error = at(&event, "error"); error != nullptr && !error->is_null()) {
    return said_by_server(*error);
  }
  StreamEvent said;
  const json::value* usage = at(&event, "usage");
  said.prompt_tokens = count_at(usage, "prompt_tokens");
  said.completion_tokens = count_at(usage, "completion_tokens");
  const json::value* choices = at(&event, "choices");
  if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) return said;
  const json::value* choice = &choices->get_array().front();
  said.finish_reason = text_at(choice, "finish_reason");
  said.text = text_at(at(choice, "delta"), "content");
  if (said.text.empty()) said.text = text_at(choice, "text");
  return said;
}

}  // namespace marquee::apps
