#include <chrono>
#include <utility>

#include "apps/answering.h"
#include "apps/stream_event.h"

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

/// Adds what one event of the stream says. @return the text it brought, or the error it carried
Result<std::string> read_event(std::string_view data, Answer& answer) {
  MARQUEE_ASSIGN(StreamEvent event, read_stream_event(data));
  answer.prompt_tokens = event.prompt_tokens.value_or(answer.prompt_tokens);
  answer.completion_tokens = event.completion_tokens.value_or(answer.completion_tokens);
  if (!event.finish_reason.empty()) answer.finish_reason = std::move(event.finish_reason);
  return std::move(event.text);
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
