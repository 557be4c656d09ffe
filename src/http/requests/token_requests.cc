#include "http/requests/token_requests.h"

#include <utility>

#include "http/requests/completion_request.h"

namespace marquee::http {

namespace json = base::json;

namespace {

using Done = base::Result<void>;
constexpr double kMaxTextBytes = 1e9;  // the body's own limit is far below

constexpr std::string_view kTokensSchema =
    R"({"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 2147483647}})";
constexpr FieldRule kModelRule{.name = "model",
                               .kind = FieldKind::kString,
                               .min = 1,
                               .max = 256,
                               .required = true,
                               .description = "The id of a model, as GET /v1/models lists them."};

const Field<TokenizeRequest> kTokenizeFields[] = {
    {kModelRule,
     [](const json::value& value, TokenizeRequest& request) -> Done {
       request.model = string_of(value);
       return {};
     }},
    {{.name = "prompt", .kind = FieldKind::kString, .max = kMaxTextBytes, .description = "The text."},
     [](const json::value& value, TokenizeRequest& request) -> Done {
       request.prompt = std::string(string_of(value));
       return {};
     }},
    {{.name = "messages",
      .schema = messages_schema(),
      .description = "Or a conversation as POST /v1/chat/completions takes it."},
     [](const json::value& value, TokenizeRequest& request) -> Done {
       MARQUEE_ASSIGN(request.messages, parse_messages(value, "messages"));
       return {};
     }},
    {{.name = "add_special_tokens",
      .kind = FieldKind::kBoolean,
      .default_json = "true",
      .description = "With prompt: put the tokens around it that the model asks for."},
     [](const json::value& value, TokenizeRequest& request) -> Done {
       request.add_special_tokens = value.get_bool();
       return {};
     }},
    {{.name = "add_generation_prompt",
      .kind = FieldKind::kBoolean,
      .default_json = "true",
      .description = "With messages: end with the beginning of the assistant's turn."},
     [](const json::value& value, TokenizeRequest& request) -> Done {
       request.add_generation_prompt = value.get_bool();
       return {};
     }},
    {{.name = "return_token_strs",
      .kind = FieldKind::kBoolean,
      .default_json = "false",
      .description = "Give each token's text too."},
     [](const json::value& value, TokenizeRequest& request) -> Done {
       request.return_token_strs = value.get_bool();
       return {};
     }},
};

constexpr Field<DetokenizeRequest> kDetokenizeFields[] = {
    {kModelRule,
     [](const json::value& value, DetokenizeRequest& request) -> Done {
       request.model = string_of(value);
       return {};
     }},
    {{.name = "tokens", .required = true, .schema = kTokensSchema, .description = "The ids."},
     [](const json::value& value, DetokenizeRequest& request) -> Done {
       if (!value.is_array()) return base::invalid_argument("'tokens' must be an array of token ids", "tokens");
       MARQUEE_ASSIGN(request.tokens, parse_token_ids(value.get_array(), "tokens"));
       return {};
     }},
    {{.name = "skip_special_tokens",
      .kind = FieldKind::kBoolean,
      .default_json = "false",
      .description = "Leave out tokens such as the end of a turn."},
     [](const json::value& value, DetokenizeRequest& request) -> Done {
       request.skip_special_tokens = value.get_bool();
       return {};
     }},
};

}  // namespace

std::span<const Field<TokenizeRequest>> tokenize_fields() { return kTokenizeFields; }
std::span<const Field<DetokenizeRequest>> detokenize_fields() { return kDetokenizeFields; }

base::Result<TokenizeRequest> parse_tokenize_request(std::string_view body) {
  MARQUEE_ASSIGN(const json::object object, parse_body(body));
  TokenizeRequest request;
  MARQUEE_CHECK(read_fields(tokenize_fields(), object, request));
  if (request.prompt.has_value() == !request.messages.empty()) {
    return base::invalid_argument("give either 'prompt' or 'messages'", "prompt");
  }
  return request;
}

base::Result<DetokenizeRequest> parse_detokenize_request(std::string_view body) {
  MARQUEE_ASSIGN(const json::object object, parse_body(body));
  DetokenizeRequest request;
  MARQUEE_CHECK(read_fields(detokenize_fields(), object, request));
  return request;
}

}  // namespace marquee::http
