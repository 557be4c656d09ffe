#include "http/endpoints/embeddings.h"

#include <string>
#include <utility>
#include <vector>

#include "http/answers/json_text.h"
#include "http/encoding/encoding.h"
#include "http/encoding/vectors.h"
#include "http/error_response.h"
#include "http/generation/model_access.h"
#include "text/pooling.h"

namespace marquee::http {

namespace {

base::Result<std::vector<serving::EncodingText>> texts_of(const serving::LoadedModel& model,
                                                          const EmbeddingRequest& request) {
  std::vector<serving::EncodingText> texts;
  texts.reserve(request.inputs.size());
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const std::string field = request.inputs.size() == 1 ? "input" : "input[" + std::to_string(i) + "]";
    MARQUEE_ASSIGN(auto text, encoding_text(model, request.inputs[i], request.params, field));
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string embeddings_body(const serving::EncodingOutcome& outcome, const std::string& model,
                            const EmbeddingRequest& request) {
  std::string body = R"({"object":"list","data":[)";
  std::vector<float> vector;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const auto row = outcome.row(i);
    vector.assign(row.begin(), row.end());
    if (request.dimensions) {
      vector.resize(static_cast<std::size_t>(*request.dimensions));
      text::normalize_vector(vector);
    }
    body += i > 0 ? R"(,{"object":"embedding","index":)" : R"({"object":"embedding","index":)";
    append_json_number(body, static_cast<std::int64_t>(i));
    body += R"(,"embedding":)";
    request.base64 ? append_base64_floats(body, vector) : append_json_floats(body, vector);
    body.push_back('}');
  }
  body += R"(],"model":)";
  append_json_string(body, model);
  append_encoding_usage(body, outcome.usage);
  return body + "}";
}

void begin_embedding(const std::shared_ptr<Call>& call, const std::shared_ptr<const EmbeddingRequest>& request,
                     const std::shared_ptr<serving::LoadedModel>& model) {
  const std::int32_t width = model->encoder()->facts().hidden;
  if (request->dimensions.value_or(1) > width) {
    return call->exchange->respond(error_response(base::invalid_argument(
        "'dimensions' may be at most " + std::to_string(width) + " with '" + model->id() + "'", "dimensions")));
  }
  auto texts = texts_of(*model, *request);
  if (!texts) return call->exchange->respond(error_response(texts.error()));
  start_encoding({.call = call,
                  .model = model,
                  .texts = std::move(*texts),
                  .timeout = request->params.timeout,
                  .route = "/v1/embeddings",
                  .answer = [request, id = model->id()](const serving::EncodingOutcome& outcome) {
                    return embeddings_body(outcome, id, *request);
                  }});
}

}  // namespace

void create_embedding(std::shared_ptr<Call> call) {
  auto parsed = parse_embedding_request(call->request.body);
  if (!parsed) return call->exchange->respond(error_response(parsed.error()));
  call->drop_body();
  auto request = std::make_shared<const EmbeddingRequest>(std::move(*parsed));
  with_task(
      call, request->params.model, serving::ModelTask::kEmbedding,
      [call, request](const std::shared_ptr<serving::LoadedModel>& model) { begin_embedding(call, request, model); });
}

}  // namespace marquee::http
