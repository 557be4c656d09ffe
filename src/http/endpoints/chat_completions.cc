#include "http/endpoints/chat_completions.h"

#include <utility>

#include "http/error_response.h"
#include "http/generation/chat_messages.h"
#include "http/generation/generation.h"
#include "http/generation/model_access.h"
#include "http/generation/plan.h"
#include "http/requests/chat_request.h"
#include "http/services.h"

namespace marquee::http {

namespace {

void begin(const std::shared_ptr<Call>& call, const ChatRequest& request,
           const std::shared_ptr<serving::LoadedModel>& model) {
  base::json::array tools;
  for (const Tool& tool : request.tools) tools.push_back(tool.definition);
  auto prompt = call->services.prompter.encode(*model, chat_messages(request.messages), true, tools);
  if (!prompt) return call->exchange->respond(error_response(prompt.error()));
  if (!check_prompt_length(*call, *model, prompt->size(), "messages")) return;
  const auto grammar = answer_grammar(*model, request.params);
  if (!grammar) return call->exchange->respond(error_response(grammar.error()));
  GenerationPlan plan;
  plan.call = call;
  plan.model = model;
  AnswerInfo info = answer_info(*call, *model, request.params, "chatcmpl-");
  info.tool_calls = !request.tools.empty();
  plan.format = make_chat_format(std::move(info), model->tokenizer());
  plan.requests.push_back(engine_request(*call, *model, request.params, std::move(*prompt), request.max_tokens));
  plan.requests.back().grammar = *grammar;
  plan.route = "/v1/chat/completions";
  plan.stream = request.params.stream;
  plan.include_usage = request.params.include_usage;
  start_generation(std::move(plan));
}

}  // namespace

void create_chat_completion(std::shared_ptr<Call> call) {
  auto parsed = parse_chat_request(call->request.body);
  if (!parsed) return call->exchange->respond(error_response(parsed.error()));
  call->drop_body();
  auto request = std::make_shared<const ChatRequest>(std::move(*parsed));
  with_task(call, request->params.model, serving::ModelTask::kTextGeneration,
            [call, request](const std::shared_ptr<serving::LoadedModel>& model) { begin(call, *request, model); });
}

}  // namespace marquee::http
