#include "http/endpoints/tokens.h"

#include <utility>
#include <vector>

#include "base/json.h"
#include "base/utf8.h"
#include "http/answers/json_text.h"
#include "http/error_response.h"
#include "http/generation/chat_messages.h"
#include "http/generation/model_access.h"
#include "http/requests/token_requests.h"
#include "http/services.h"

namespace marquee::http {

namespace {

base::Result<std::vector<formats::TokenId>> encode(Services& services, const serving::LoadedModel& model,
                                                   const TokenizeRequest& request) {
  if (request.prompt) {
    return model.tokenizer().encode(*request.prompt,
                                    {.add_special = request.add_special_tokens, .parse_special = true});
  }
  return services.prompter.encode(model, chat_messages(request.messages), request.add_generation_prompt);
}

base::Result<Response> answer_tokenize(Services& services, const serving::LoadedModel& model,
                                       const TokenizeRequest& request) {
  MARQUEE_ASSIGN(const auto ids, encode(services, model, request));
  std::string body = R"({"count":)";
  append_json_number(body, static_cast<std::int64_t>(ids.size()));
  body += R"(,"max_model_len":)";
  append_json_number(body, static_cast<std::int64_t>(model.context_length()));
  body += R"(,"tokens":[)";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) body.push_back(',');
    append_json_number(body, static_cast<std::int64_t>(ids[i]));
  }
  body.push_back(']');
  if (request.return_token_strs) {
    body += R"(,"token_strs":[)";
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i > 0) body.push_back(',');
      append_json_string(body, model.tokenizer().token_bytes(ids[i]));
    }
    body.push_back(']');
  }
  body.push_back('}');
  return Response{.body = std::move(body)};
}

base::Result<Response> answer_detokenize(const serving::LoadedModel& model, const DetokenizeRequest& request) {
  const auto vocabulary = model.tokenizer().vocab_size();
  for (const formats::TokenId id : request.tokens) {
    if (id >= vocabulary) {
      return base::invalid_argument(
          "'tokens' holds " + std::to_string(id) + ", but the model has " + std::to_string(vocabulary) + " tokens",
          "tokens");
    }
  }
  const std::string text = model.tokenizer().decode(request.tokens, request.skip_special_tokens);
  std::string body = R"({"prompt":)";
  append_json_string(body, text);
  body.push_back('}');
  return Response{.body = std::move(body)};
}

void respond(const Call& call, base::Result<Response> answer) {
  call.exchange->respond(answer ? std::move(*answer) : error_response(answer.error()));
}

}  // namespace

void tokenize(std::shared_ptr<Call> call) {
  auto parsed = parse_tokenize_request(call->request.body);
  if (!parsed) return respond(*call, parsed.error());
  call->drop_body();
  auto request = std::make_shared<const TokenizeRequest>(std::move(*parsed));
  with_model(call, request->model, [call, request](const std::shared_ptr<serving::LoadedModel>& model) {
    respond(*call, answer_tokenize(call->services, *model, *request));
  });
}

void detokenize(std::shared_ptr<Call> call) {
  auto parsed = parse_detokenize_request(call->request.body);
  if (!parsed) return respond(*call, parsed.error());
  call->drop_body();
  auto request = std::make_shared<const DetokenizeRequest>(std::move(*parsed));
  with_model(call, request->model, [call, request](const std::shared_ptr<serving::LoadedModel>& model) {
    respond(*call, answer_detokenize(*model, *request));
  });
}

}  // namespace marquee::http
