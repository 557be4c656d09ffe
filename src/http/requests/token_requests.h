#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/requests/chat_request.h"

namespace marquee::http {

/// Body of POST /v1/tokenize; the field names are vLLM's. Either prompt or messages.
struct TokenizeRequest {
  std::string model;
  std::optional<std::string> prompt;
  std::vector<Message> messages;
  bool add_special_tokens = true;
  bool add_generation_prompt = true;
  bool return_token_strs = false;
};

/// Body of POST /v1/detokenize.
struct DetokenizeRequest {
  std::string model;
  std::vector<formats::TokenId> tokens;
  bool skip_special_tokens = false;
};

base::Result<TokenizeRequest> parse_tokenize_request(std::string_view body);
base::Result<DetokenizeRequest> parse_detokenize_request(std::string_view body);

std::span<const Field<TokenizeRequest>> tokenize_fields();
std::span<const Field<DetokenizeRequest>> detokenize_fields();

}  // namespace marquee::http
