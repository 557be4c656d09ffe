#pragma once
// Pieces that the two answer formats share.

#include <string>
#include <string_view>

#include "http/answers/answer_format.h"

namespace marquee::http {

constexpr std::string_view kEventBegin = "data: ";
constexpr std::string_view kEventEnd = "\n\n";

/// `{"id":…,"object":…,"created":…,"model":…,"system_fingerprint":…,"choices":[`
std::string answer_head(const AnswerInfo& info, std::string_view object);

/// `{"prompt_tokens":…,"completion_tokens":…,"total_tokens":…,"prompt_tokens_details":{…}}`
void append_usage_json(std::string& out, const serving::Usage& usage);

}  // namespace marquee::http
