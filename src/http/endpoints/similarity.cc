#include "http/endpoints/similarity.h"

#include <string>
#include <utility>
#include <vector>

#include "http/answers/json_text.h"
#include "http/encoding/encoding.h"
#include "http/encoding/vectors.h"
#include "http/error_response.h"
#include "http/generation/model_access.h"

namespace marquee::http {

namespace {

/// The source first, if there is one.
base::Result<std::vector<serving::EncodingText>> similarity_texts(const serving::LoadedModel& model,
                                                                  const SimilarityRequest& request) {
  MARQUEE_ASSIGN(auto texts, encoding_texts(model, request.sentences, request.params, "sentences"));
  if (!request.source) return texts;
  MARQUEE_ASSIGN(auto source, encoding_text(model, *request.source, request.params, "source"));
  texts.insert(texts.begin(), std::move(source));
  return texts;
}

/// Cosines with one text. @param first row of the first of the others
void append_cosines(std::string& body, const serving::EncodingOutcome& outcome, std::size_t with, std::size_t first,
                    std::size_t count) {
  std::vector<float> cosines(count);
  for (std::size_t i = 0; i < count; ++i) cosines[i] = cosine_similarity(outcome.row(with), outcome.row(first + i));
  append_json_floats(body, cosines);
}

std::string similarity_body(const serving::EncodingOutcome& outcome, const std::string& model,
                            const SimilarityRequest& request) {
  const std::size_t count = request.sentences.size();
  std::string body = R"({"object":"list","model":)";
  append_json_string(body, model);
  if (request.source) {
    body += R"(,"similarities":)";
    append_cosines(body, outcome, 0, 1, count);
  } else {
    body += R"(,"matrix":[)";
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) body.push_back(',');
      append_cosines(body, outcome, i, 0, count);
    }
    body.push_back(']');
  }
  append_encoding_usage(body, outcome.usage);
  return body + "}";
}

void begin_comparison(const std::shared_ptr<Call>& call, const std::shared_ptr<const SimilarityRequest>& request,
                      const std::shared_ptr<serving::LoadedModel>& model) {
  auto texts = similarity_texts(*model, *request);
  if (!texts) return call->exchange->respond(error_response(texts.error()));
  start_encoding({.call = call,
                  .model = model,
                  .texts = std::move(*texts),
                  .timeout = request->params.timeout,
                  .route = "/v1/similarity",
                  .answer = [request, id = model->id()](const serving::EncodingOutcome& outcome) {
                    return similarity_body(outcome, id, *request);
                  }});
}

}  // namespace

void compare(std::shared_ptr<Call> call) {
  auto parsed = parse_similarity_request(call->request.body);
  if (!parsed) return call->exchange->respond(error_response(parsed.error()));
  call->drop_body();
  auto request = std::make_shared<const SimilarityRequest>(std::move(*parsed));
  with_task(
      call, request->params.model, serving::ModelTask::kEmbedding,
      [call, request](const std::shared_ptr<serving::LoadedModel>& model) { begin_comparison(call, request, model); });
}

}  // namespace marquee::http
