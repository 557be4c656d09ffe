#include "http/endpoints/completions.h"

#include <utility>

#include "base/utf8.h"
#include "http/answers/json_text.h"
#include "http/error_response.h"
#include "http/generation/generation.h"
#include "http/generation/model_access.h"
#include "http/generation/plan.h"
#include "http/requests/completion_request.h"

namespace marquee::http {

namespace {

/// All choices of a stream open in the same step; with them the stream must stay within Exchange's buffer.
constexpr std::size_t kMaxStreamedEchoBytes = kStreamBufferBytes / 2;

/// How much `echoes` take up in JSON.
std::size_t echo_bytes(const std::vector<std::string>& echoes) {
  std::string json;
  for (const std::string& echo : echoes) append_json_string(json, echo);
  return json.size();
}

/// A prompt's ids. An empty text stands for the model's beginning-of-text token.
base::Result<std::vector<formats::TokenId>> encode(const serving::LoadedModel& model, const Prompt& prompt) {
  const formats::Tokenizer& tokenizer = model.tokenizer();
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    auto ids = tokenizer.encode(*text, {.add_special = true, .parse_special = true});
    if (ids.empty() && tokenizer.bos()) ids.push_back(*tokenizer.bos());
    if (ids.empty())
      return base::invalid_argument("'prompt' is empty, and the model has no token to begin with", "prompt");
    return ids;
  }
  const auto& ids = std::get<std::vector<formats::TokenId>>(prompt);
  for (const formats::TokenId id : ids) {
    if (id >= tokenizer.vocab_size()) {
      return base::invalid_argument("'prompt' holds the token id " + std::to_string(id) + ", but the model has " +
                                        std::to_string(tokenizer.vocab_size()) + " tokens",
                                    "prompt");
    }
  }
  return ids;
}

std::string echo_text(const serving::LoadedModel& model, const Prompt& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) return *text;
  return base::sanitize_utf8(model.tokenizer().decode(std::get<std::vector<formats::TokenId>>(prompt), false));
}

void begin(const std::shared_ptr<Call>& call, const CompletionRequest& request,
           const std::shared_ptr<serving::LoadedModel>& model) {
  const auto grammar = answer_grammar(*model, request.params);
  if (!grammar) return call->exchange->respond(error_response(grammar.error()));
  GenerationPlan plan;
  std::vector<std::string> echoes;
  for (const Prompt& prompt : request.prompts) {
    auto ids = encode(*model, prompt);
    if (!ids) return call->exchange->respond(error_response(ids.error()));
    if (!check_prompt_length(*call, *model, ids->size(), "prompt")) return;
    plan.requests.push_back(engine_request(*call, *model, request.params, std::move(*ids), request.max_tokens));
    plan.requests.back().grammar = *grammar;
    if (request.echo) echoes.push_back(echo_text(*model, prompt));
  }
  if (request.params.stream &&
      echo_bytes(echoes) * static_cast<std::size_t>(request.params.n) > kMaxStreamedEchoBytes) {
    return call->exchange->respond(error_response(base::invalid_argument(
        "the prompts times 'n' are too long to be streamed with 'echo'; leave out 'stream' or 'echo'", "echo")));
  }
  AnswerInfo info = answer_info(*call, *model, request.params, "cmpl-");
  info.choices = request.params.n * static_cast<std::int32_t>(request.prompts.size());
  plan.call = call;
  plan.model = model;
  plan.format = make_completion_format(std::move(info), model->tokenizer(), std::move(echoes));
  plan.route = "/v1/completions";
  plan.stream = request.params.stream;
  plan.include_usage = request.params.include_usage;
  start_generation(std::move(plan));
}

}  // namespace

void create_completion(std::shared_ptr<Call> call) {
  auto parsed = parse_completion_request(call->request.body);
  if (!parsed) return call->exchange->respond(error_response(parsed.error()));
  call->drop_body();
  auto request = std::make_shared<const CompletionRequest>(std::move(*parsed));
  with_task(call, request->params.model, serving::ModelTask::kTextGeneration,
            [call, request](const std::shared_ptr<serving::LoadedModel>& model) { begin(call, *request, model); });
}

}  // namespace marquee::http
