#include <chrono>
#include <utility>

#include "apps/answering.h"

namespace marquee::apps {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
namespace json = base::json;
using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void add_options(json::object& body, const AnswerOptions& options) {
  if (options.max_tokens > 0) body["max_tokens"] = options.max_tokens;
  if (options.temperature) body["temperature"] = *options.temperature;
  if (options.top_p) body["top_p"] = *options.top_p;
  if (options.min_p) body["min_p"] = *options.min_p;
  if (options.top_k) body["top_k"] = *options.top_k;
  if (options.repetition_penalty) body["repetition_penalty"] = *options.repetition_penalty;
  if (options.seed) body["seed"] = *options.seed;
  if (!options.stop.empty()) body["stop"] = json::value_from(options.stop);
  if (options.ignore_eos) body["ignore_eos"] = true;
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
}

const json::value* at(const json::value* value, const char* name) {
  return value != nullptr && value->is_object() ? value->get_object().if_contains(name) : nullptr;
}

std::string_view text_at(const json::value* value, const char* name) {
  const json::value* found = at(value, name);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

std::int64_t count_at(const json::value* value, const char* name) {
  const json::value* found = at(value, name);
  return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}

/// Adds what one event of the stream says. @return the text it brought, or the error it carried
Result<std::string> read_event(std::string_view data, Answer& answer) {
  MARQUEE_ASSIGN(const json::value event, base::parse_json(data, "the server's event"));
  if (const json::value* error = at(&event, "error")) {
    return Error{ErrorCode::kInternal, "the server: " + std::string(text_at(error, "message"))};
  }
  if (const json::value* usage = at(&event, "usage"); usage != nullptr && usage->is_object()) {
    answer.prompt_tokens = count_at(usage, "prompt_tokens");
    answer.completion_tokens = count_at(usage, "completion_tokens");
  }
  const json::value* choices = at(&event, "choices");
  if (choices == nullptr || !choices->is_array() || choices->get_array().empty()) return std::string();
  const json::value* choice = &choices->get_array().front();
  if (const auto reason = text_at(choice, "finish_reason"); !reason.empty()) answer.finish_reason = std::string(reason);
  const auto chat_text = text_at(at(choice, "delta"), "content");
  return std::string(chat_text.empty() ? text_at(choice, "text") : chat_text);
}

}  // namespace

Result<Answer> ServerAnswerer::chat(const std::vector<serving::ChatMessage>& messages, const AnswerOptions& options,
                                    const OnText& on_text, const std::atomic<bool>& cancelled) {
  json::array list;
  for (const serving::ChatMessage& message : messages) {
    list.push_back({{"role", message.role}, {"content", message.content}});
  }
  return ask("/v1/chat/completions", {{"messages", std::move(list)}}, options, on_text, cancelled);
}

Result<Answer> ServerAnswerer::complete(const std::string& prompt, const AnswerOptions& options, const OnText& on_text,
                                        const std::atomic<bool>& cancelled) {
  return ask("/v1/completions", {{"prompt", prompt}}, options, on_text, cancelled);
}

Result<Answer> ServerAnswerer::ask(const std::string& path, json::object body, const AnswerOptions& options,
                                   const OnText& on_text, const std::atomic<bool>& cancelled) {
  body["model"] = model_;
  add_options(body, options);
  Answer answer;
  std::optional<Error> broken;
  const auto started = SteadyClock::now();
  const auto on_event = [&](std::string_view data) {
    auto text = read_event(data, answer);
    if (!text) {
      if (!broken) broken = text.error();
    } else if (!text->empty()) {
      if (answer.text.empty()) answer.first_token_s = seconds_since(started);
      answer.text += *text;
      on_text(*text);
    }
  };
  auto streamed = client_.stream(path, body, on_event, cancelled);
  answer.total_s = seconds_since(started);
  if (broken) return *broken;
  if (!streamed && streamed.error().code == ErrorCode::kCancelled) {
    answer.finish_reason = "cancelled";
    return answer;
  }
  if (!streamed) return std::move(streamed).error();
  return answer;
}

}  // namespace marquee::apps
