#include "http/requests/completion_request.h"

#include <utility>

namespace marquee::http {

namespace json = base::json;

namespace {

using Done = base::Result<void>;
base::Error wrong_prompt() {
  return base::invalid_argument("'prompt' must be a string, an array of token ids, or an array of 1 to " +
                                    std::to_string(kMaxPrompts) + " strings or arrays of token ids",
                                "prompt");
}

Done read_prompt(const json::value& value, CompletionRequest& request) {
  if (value.is_string()) {
    request.prompts.emplace_back(std::string(string_of(value)));
    return {};
  }
  if (!value.is_array() || value.get_array().empty()) return wrong_prompt();
  const json::array& array = value.get_array();
  if (array.front().is_number()) {
    MARQUEE_ASSIGN(auto ids, parse_token_ids(array, "prompt"));
    request.prompts.emplace_back(std::move(ids));
    return {};
  }
  if (array.size() > kMaxPrompts) return wrong_prompt();
  for (const json::value& entry : array) {
    if (entry.is_string()) {
      request.prompts.emplace_back(std::string(string_of(entry)));
    } else if (entry.is_array() && !entry.get_array().empty()) {
      MARQUEE_ASSIGN(auto ids, parse_token_ids(entry.get_array(), "prompt"));
      request.prompts.emplace_back(std::move(ids));
    } else {
      return wrong_prompt();
    }
  }
  return {};
}

constexpr std::string_view kPromptSchema = R"({"anyOf": [{"type": "string"},
  {"type": "array", "minItems": 1, "maxItems": 32, "items": {"type": "string"}},
  {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": 2147483647}},
  {"type": "array", "minItems": 1, "maxItems": 32, "items": {"type": "array", "minItems": 1,
   "items": {"type": "integer", "minimum": 0, "maximum": 2147483647}}}]})";

constexpr Field<CompletionRequest> kCompletionFields[] = {
    {{.name = "prompt",
      .required = true,
      .schema = kPromptSchema,
      .description = "Text to go on from, token ids, or several of either; each gets n choices."},
     read_prompt},
    {{.name = "max_tokens",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = kMaxInt32,
      .default_json = "16",
      .description = "Most tokens of one choice."},
     [](const json::value& value, CompletionRequest& request) -> Done {
       request.max_tokens = to_int32(value);
       return {};
     }},
    {{.name = "logprobs",
      .kind = FieldKind::kInteger,
      .min = 0,
      .max = kMaxCompletionLogprobs,
      .description = "Give the log probabilities of the tokens and of this many likeliest ones in their place."},
     [](const json::value& value, CompletionRequest& request) -> Done {
       request.params.sampling.top_logprobs = to_int32(value);
       return {};
     }},
    {{.name = "echo",
      .kind = FieldKind::kBoolean,
      .default_json = "false",
      .description = "Put the prompt before the text; not together with logprobs."},
     [](const json::value& value, CompletionRequest& request) -> Done {
       request.echo = value.get_bool();
       return {};
     }},
    {{.name = "best_of",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = kMaxChoices,
      .description = "Only the value of n is supported."},
     [](const json::value& value, CompletionRequest& request) -> Done {
       request.best_of = to_int32(value);
       return {};
     }},
    {{.name = "suffix", .kind = FieldKind::kUnsupported},
     [](const json::value& value, CompletionRequest&) -> Done {
       if (value.is_string() && value.get_string().empty()) return {};
       return unsupported_field("suffix", "put what should follow into the prompt");
     }},
};

}  // namespace

std::span<const Field<CompletionRequest>> completion_fields() { return kCompletionFields; }

base::Result<std::vector<formats::TokenId>> parse_token_ids(const json::array& array, std::string_view field) {
  const std::string name(field);
  if (array.size() > kMaxPromptTokens) {
    return base::invalid_argument("'" + name + "' holds too many token ids", name);
  }
  std::vector<formats::TokenId> ids;
  ids.reserve(array.size());
  for (const json::value& entry : array) {
    const auto id = as_integer(entry);
    if (!id || *id < 0 || *id > 2'147'483'647) {
      return base::invalid_argument("'" + name + "' must hold token ids: integers from 0", name);
    }
    ids.push_back(static_cast<formats::TokenId>(*id));
  }
  return ids;
}

base::Result<CompletionRequest> parse_completion_request(std::string_view body) {
  MARQUEE_ASSIGN(const json::object object, parse_body(body));
  CompletionRequest request;
  MARQUEE_CHECK(read_generation_params(object, request.params));
  MARQUEE_CHECK(read_fields(completion_fields(), object, request));
  const auto n = static_cast<std::size_t>(request.params.n);
  if (request.best_of != 0 && request.best_of != request.params.n) {
    return unsupported_field("best_of", "leave it out or give it the value of n");
  }
  if (request.prompts.size() * n > kMaxCompletionChoices) {
    return base::invalid_argument("prompts times 'n' may be at most " + std::to_string(kMaxCompletionChoices), "n");
  }
  if (request.echo && request.params.sampling.top_logprobs >= 0) {
    return unsupported_field("echo", "not together with 'logprobs'");
  }
  return request;
}

}  // namespace marquee::http
