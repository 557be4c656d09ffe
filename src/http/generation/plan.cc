#include "http/generation/plan.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/sha256.h"
#include "http/error_response.h"
#include "http/request_id.h"

namespace marquee::http {

namespace {

constexpr std::size_t kFingerprintLetters = 12;

/// Changes with whatever may change the text of a seed: the model, and this program's arithmetic.
std::string fingerprint(const serving::LoadedModel& model) {
  const text::ModelFacts& facts = model.facts();
  const std::string digest =
      base::sha256_hex(model.id() + "/" + facts.architecture + "/" + std::to_string(facts.parameters) + "/" +
                       std::to_string(facts.resident_bytes) + "/" __VERSION__);
  return "fp_" + digest.substr(0, kFingerprintLetters);
}

}  // namespace

serving::GenerationRequest engine_request(const Call& call, const serving::LoadedModel& model,
                                          const GenerationParams& params, std::vector<formats::TokenId> prompt,
                                          std::int32_t max_tokens) {
  serving::GenerationRequest request;
  request.tenant = call.request.principal.tenant;
  request.prompt = std::move(prompt);
  request.sampling = params.sampling;
  request.sampling.seed = params.seed.value_or(random_seed());
  request.sampling.top_k = std::min(request.sampling.top_k, model.tokenizer().vocab_size());
  request.max_tokens = max_tokens;
  request.n = params.n;
  request.stop = params.stop;
  request.ignore_eos = params.ignore_eos;
  request.priority = params.priority;
  if (params.timeout) request.deadline = serving::Clock::now() + *params.timeout;
  return request;
}

base::Result<std::shared_ptr<const text::grammar::TokenGrammar>> answer_grammar(serving::LoadedModel& model,
                                                                                const GenerationParams& params) {
  if (!params.grammar) return std::shared_ptr<const text::grammar::TokenGrammar>();
  auto grammar = model.grammar(*params.grammar);
  if (grammar) return grammar;
  base::Error error = std::move(grammar).error();
  if (error.field.empty()) error.field = params.grammar_field;
  error.message = "'" + error.field + "' cannot be used: " + error.message;
  return error;
}

AnswerInfo answer_info(const Call& call, const serving::LoadedModel& model, const GenerationParams& params,
                       std::string_view prefix) {
  constexpr std::size_t kRequestPrefix = 4;  // "req_"
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  AnswerInfo info;
  info.id = std::string(prefix) + call.request.id.substr(kRequestPrefix);
  info.model = model.id();
  info.created_unix_s = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  info.fingerprint = fingerprint(model);
  info.include_usage = params.include_usage;
  info.logprobs = params.sampling.top_logprobs >= 0;
  info.choices = params.n;
  return info;
}

bool check_prompt_length(const Call& call, const serving::LoadedModel& model, std::size_t prompt_tokens,
                         std::string_view field) {
  const auto context = static_cast<std::size_t>(model.context_length());
  if (prompt_tokens < context) return true;
  const std::string message = "the prompt has " + std::to_string(prompt_tokens) + " tokens, but the context of '" +
                              model.id() + "' holds " + std::to_string(context) + " with the answer; shorten '" +
                              std::string(field) + "'";
  call.exchange->respond(
      error_response(base::invalid_argument(message, std::string(field)), "context_length_exceeded"));
  return false;
}

}  // namespace marquee::http
