#include "http/endpoints/rerank.h"

#include <string>
#include <utility>
#include <vector>

#include "http/answers/json_text.h"
#include "http/encoding/encoding.h"
#include "http/encoding/vectors.h"
#include "http/error_response.h"
#include "http/generation/model_access.h"
#include "text/encoder_model.h"

namespace marquee::http {

namespace {

using Texts = std::vector<serving::EncodingText>;

bool is_cross_encoder(const serving::LoadedModel& model) { return model.task() == serving::ModelTask::kClassification; }

/// A cross-encoder reads the query with each document; a bi-encoder each by itself, the query first.
base::Result<Texts> rerank_texts(const serving::LoadedModel& model, const RerankRequest& request) {
  if (!is_cross_encoder(model)) {
    MARQUEE_ASSIGN(auto query, encoding_text(model, request.query, request.params, "query"));
    MARQUEE_ASSIGN(auto texts, encoding_texts(model, request.documents, request.params, "documents"));
    texts.insert(texts.begin(), std::move(query));
    return texts;
  }
  Texts texts;
  texts.reserve(request.documents.size());
  for (std::size_t i = 0; i < request.documents.size(); ++i) {
    MARQUEE_ASSIGN(auto pair, encoding_pair(model, request.query, request.documents[i], request.params,
                                            "documents[" + std::to_string(i) + "]"));
    texts.push_back(std::move(pair));
  }
  return texts;
}

std::vector<float> relevance(const serving::EncodingOutcome& outcome, const serving::LoadedModel& model,
                             std::size_t documents) {
  std::vector<float> scores(documents);
  if (!is_cross_encoder(model)) {
    for (std::size_t i = 0; i < documents; ++i) scores[i] = cosine_similarity(outcome.row(0), outcome.row(i + 1));
    return scores;
  }
  for (std::size_t i = 0; i < documents; ++i) scores[i] = outcome.row(i)[0];
  text::score_labels(text::LabelKind::kMulti, scores);
  return scores;
}

std::string rerank_body(const serving::EncodingOutcome& outcome, const serving::LoadedModel& model,
                        const RerankRequest& request) {
  const auto scores = relevance(outcome, model, request.documents.size());
  const auto most = static_cast<std::size_t>(request.top_n.value_or(static_cast<std::int32_t>(kMaxTexts)));
  std::string body = R"({"object":"list","model":)";
  append_json_string(body, model.id());
  body +=
      is_cross_encoder(model) ? R"(,"scoring":"cross_encoder","results":[)" : R"(,"scoring":"bi_encoder","results":[)";
  bool first = true;
  for (const std::size_t index : largest_first(scores, most)) {
    if (!std::exchange(first, false)) body.push_back(',');
    body += R"({"index":)";
    append_json_number(body, static_cast<std::int64_t>(index));
    body += R"(,"relevance_score":)";
    append_json_number(body, scores[index]);
    if (request.return_documents) {
      body += R"(,"document":{"text":)";
      append_json_string(body, request.documents[index]);
      body.push_back('}');
    }
    body.push_back('}');
  }
  body.push_back(']');
  append_encoding_usage(body, outcome.usage);
  return body + "}";
}

void begin_rerank(const std::shared_ptr<Call>& call, const std::shared_ptr<const RerankRequest>& request,
                  const std::shared_ptr<serving::LoadedModel>& model) {
  const auto refuse = [&](const base::Error& error) { call->exchange->respond(error_response(error)); };
  if (model->encoder() == nullptr) {
    return call->exchange->respond(
        error_response(serving::wrong_task(*model, serving::ModelTask::kEmbedding), "wrong_task"));
  }
  if (is_cross_encoder(*model) && model->encoder()->facts().labels.size() != 1) {
    return refuse({base::ErrorCode::kUnsupported,
                   "'" + model->id() +
                       "' has several labels, so it gives no one score to order by; use a "
                       "cross-encoder with one output, or a model for embedding",
                   "model"});
  }
  auto texts = rerank_texts(*model, *request);
  if (!texts) return refuse(texts.error());
  start_encoding({.call = call,
                  .model = model,
                  .texts = std::move(*texts),
                  .timeout = request->params.timeout,
                  .route = "/v1/rerank",
                  .answer = [request, model](const serving::EncodingOutcome& outcome) {
                    return rerank_body(outcome, *model, *request);
                  }});
}

}  // namespace

void rerank(std::shared_ptr<Call> call) {
  auto parsed = parse_rerank_request(call->request.body);
  if (!parsed) return call->exchange->respond(error_response(parsed.error()));
  call->drop_body();
  auto request = std::make_shared<const RerankRequest>(std::move(*parsed));
  with_model(call, request->params.model, [call, request](const std::shared_ptr<serving::LoadedModel>& model) {
    begin_rerank(call, request, model);
  });
}

}  // namespace marquee::http
