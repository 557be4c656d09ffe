#include "http/answers/answer_text.h"

#include "http/answers/json_text.h"

namespace marquee::http {

std::string answer_head(const AnswerInfo& info, std::string_view object) {
  std::string head = R"({"id":)";
  append_json_string(head, info.id);
  head += R"(,"object":)";
  append_json_string(head, object);
  head += R"(,"created":)";
  append_json_number(head, info.created_unix_s);
  head += R"(,"model":)";
  append_json_string(head, info.model);
  head += R"(,"system_fingerprint":)";
  append_json_string(head, info.fingerprint);
  head += R"(,"choices":[)";
  return head;
}

void append_usage_json(std::string& out, const serving::Usage& usage) {
  out += R"({"prompt_tokens":)";
  append_json_number(out, usage.prompt_tokens);
  out += R"(,"completion_tokens":)";
  append_json_number(out, usage.completion_tokens);
  out += R"(,"total_tokens":)";
  append_json_number(out, usage.prompt_tokens + usage.completion_tokens);
  out += R"(,"prompt_tokens_details":{"cached_tokens":)";
  append_json_number(out, usage.cached_tokens);
  out += "}}";
}

std::string_view finish_name(serving::FinishReason reason) {
  switch (reason) {
    case serving::FinishReason::kStop: return "stop";
    case serving::FinishReason::kLength:
    case serving::FinishReason::kDeadline: return "length";
    case serving::FinishReason::kCancelled:
    case serving::FinishReason::kError: return "stop";  // told by an error instead
  }
  return "stop";
}

}  // namespace marquee::http
