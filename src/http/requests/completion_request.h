#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/requests/generation_params.h"

namespace marquee::http {

constexpr std::size_t kMaxPrompts = 32;
/// Prompts times n.
constexpr std::size_t kMaxCompletionChoices = 64;
constexpr std::size_t kMaxPromptTokens = 4'000'000;
constexpr std::int32_t kDefaultCompletionTokens = 16;  ///< OpenAI's
constexpr std::int32_t kMaxCompletionLogprobs = 20;

/// A prompt as text or as token ids.
using Prompt = std::variant<std::string, std::vector<formats::TokenId>>;

/// Body of POST /v1/completions.
struct CompletionRequest {
  GenerationParams params;
  std::vector<Prompt> prompts;
  std::int32_t max_tokens = kDefaultCompletionTokens;
  std::int32_t best_of = 0;  ///< 0 if absent; otherwise equal to n
  bool echo = false;         ///< put the prompt before the text
};

/// @error kInvalidArgument with `field` named; kUnsupported
base::Result<CompletionRequest> parse_completion_request(std::string_view body);

std::span<const Field<CompletionRequest>> completion_fields();

/// Reads an array of token ids; only signs and size are checked. @error kInvalidArgument
base::Result<std::vector<formats::TokenId>> parse_token_ids(const base::json::array& array, std::string_view field);

}  // namespace marquee::http
