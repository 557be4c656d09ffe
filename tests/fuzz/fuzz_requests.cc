// JSON bodies of every request type. The first byte chooses the type.
// Links: marquee::http_requests
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/requests/admin_requests.h"
#include "http/requests/cache_request.h"
#include "http/requests/chat_request.h"
#include "http/requests/completion_request.h"
#include "http/requests/encoding_requests.h"
#include "http/requests/token_requests.h"
#include "tests/fuzz/check.h"

namespace {

using marquee::fuzz::check;
using namespace marquee::http;  // NOLINT: a program of one file
using marquee::base::ErrorCode;

void check_error(const marquee::base::Error& error) {
  check(!error.message.empty(), "an error says something");
  check(error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kTooLarge ||
            error.code == ErrorCode::kUnsupported,
        "a wrong request is the client's fault");
}

bool between(float value, float low, float high) { return value >= low && value <= high; }  // false for NaN

void check_params(const GenerationParams& params) {
  check(!params.model.empty() && params.model.size() <= 256, "a model is named");
  check(params.n >= 1 && params.n <= kMaxChoices, "n is bounded");
  check(params.stop.size() <= kMaxStopStrings, "stop strings are few");
  for (const auto& stop : params.stop) check(!stop.empty() && stop.size() <= kMaxStopBytes, "stop strings are short");
  const auto& sampling = params.sampling;
  check(between(sampling.temperature, 0, 2) && between(sampling.top_p, 0, 1) && between(sampling.min_p, 0, 1) &&
            between(sampling.typical_p, 0, 1) && between(sampling.repetition_penalty, 0, 2) &&
            between(sampling.presence_penalty, -2, 2) && between(sampling.frequency_penalty, -2, 2),
        "sampling is within its bounds");
  check(sampling.top_k >= 0 && sampling.top_logprobs >= -1 && sampling.top_logprobs <= kMaxTopLogprobs,
        "counts are within their bounds");
  check(sampling.logit_bias.size() <= kMaxLogitBiases, "biases are few");
  for (const auto& [id, bias] : sampling.logit_bias) check(id >= 0 && between(bias, -100, 100), "biases are bounded");
  if (params.timeout)
    check(params.timeout->count() >= 1 && params.timeout->count() <= kMaxTimeoutMs, "time is bounded");
}

void check_ids(const std::vector<marquee::formats::TokenId>& ids) {
  check(ids.size() <= kMaxPromptTokens, "ids are few enough");
  for (const auto id : ids) check(id >= 0, "ids are not negative");
}

void check_messages(const std::vector<Message>& messages) {
  check(messages.size() <= kMaxMessages, "messages are few enough");
  for (const auto& message : messages) {
    check(message.role == "system" || message.role == "user" || message.role == "assistant", "roles are known");
  }
}

void chat(std::string_view body) {
  const auto request = parse_chat_request(body);
  if (!request) return check_error(request.error());
  check_params(request->params);
  check(!request->messages.empty(), "there is a message");
  check_messages(request->messages);
  check(request->max_tokens >= 0, "max_tokens is not negative");
}

void completion(std::string_view body) {
  const auto request = parse_completion_request(body);
  if (!request) return check_error(request.error());
  check_params(request->params);
  check(request->max_tokens >= 1, "max_tokens is positive");
  check(!request->prompts.empty() && request->prompts.size() <= kMaxPrompts, "prompts are few");
  check(request->prompts.size() * static_cast<std::size_t>(request->params.n) <= kMaxCompletionChoices,
        "so are choices");
  for (const auto& prompt : request->prompts) {
    if (const auto* ids = std::get_if<std::vector<marquee::formats::TokenId>>(&prompt)) check_ids(*ids);
  }
}

void tokenize(std::string_view body) {
  const auto request = parse_tokenize_request(body);
  if (!request) return check_error(request.error());
  check(request->prompt.has_value() == request->messages.empty(), "either prompt or messages");
  check_messages(request->messages);
}

void detokenize(std::string_view body) {
  const auto request = parse_detokenize_request(body);
  if (!request) return check_error(request.error());
  check_ids(request->tokens);
}

void key(std::string_view body) {
  const auto request = parse_key_request(body);
  if (!request) return check_error(request.error());
  check(request->name.size() <= 200 && request->scopes.size() <= 8, "names and scopes are bounded");
}

void cache(std::string_view body) {
  const auto request = parse_cache_request(body);
  if (!request) return check_error(request.error());
  check(request->action == CacheAction::kClear || !request->name.empty(), "a file is named");
}

void check_encoding(const EncodingParams& params) {
  check(!params.model.empty() && params.model.size() <= 256, "a model is named");
  if (params.timeout)
    check(params.timeout->count() >= 1 && params.timeout->count() <= kMaxTimeoutMs, "time is bounded");
}

void embedding(std::string_view body) {
  const auto request = parse_embedding_request(body);
  if (!request) return check_error(request.error());
  check_encoding(request->params);
  check(!request->inputs.empty() && request->inputs.size() <= kMaxTexts, "texts are few enough");
  check(request->dimensions.value_or(1) >= 1 && request->dimensions.value_or(1) <= kMaxDimensions, "so are dimensions");
  for (const auto& input : request->inputs) {
    if (const auto* ids = std::get_if<std::vector<marquee::formats::TokenId>>(&input)) check_ids(*ids);
  }
}

void rerank(std::string_view body) {
  const auto request = parse_rerank_request(body);
  if (!request) return check_error(request.error());
  check_encoding(request->params);
  check(!request->documents.empty() && request->documents.size() <= kMaxTexts, "documents are few enough");
  check(request->top_n.value_or(1) >= 1, "one is wanted at least");
}

void similarity(std::string_view body) {
  const auto request = parse_similarity_request(body);
  if (!request) return check_error(request.error());
  check_encoding(request->params);
  check(!request->sentences.empty() && request->sentences.size() <= (request->source ? kMaxTexts : kMaxPairwiseTexts),
        "sentences are few enough");
}

void classify(std::string_view body) {
  const auto request = parse_classify_request(body);
  if (!request) return check_error(request.error());
  check_encoding(request->params);
  check(!request->inputs.empty() && request->inputs.size() <= kMaxTexts, "texts are few enough");
  check(request->candidate_labels.size() <= kMaxCandidateLabels, "so are labels");
  check(request->hypothesis_template.empty() || request->hypothesis_template.find("{}") != std::string::npos,
        "a hypothesis has a place for the label");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 10) {
    case 0: chat(body); break;
    case 1: completion(body); break;
    case 2: tokenize(body); break;
    case 3: detokenize(body); break;
    case 4: key(body); break;
    case 5: cache(body); break;
    case 6: embedding(body); break;
    case 7: rerank(body); break;
    case 8: similarity(body); break;
    default: classify(body); break;
  }
  return 0;
}
