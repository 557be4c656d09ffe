#include "http/endpoints/classify.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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

/// How labels are judged.
enum class Scoring : std::uint8_t {
  kClassifier,  ///< by the model's own head
  kBiEncoder,   ///< candidate labels by the angle between their vectors and the text's
  kEntailment,  ///< candidate labels by whether the text entails that they fit
};

std::string_view scoring_name(Scoring scoring) {
  switch (scoring) {
    case Scoring::kClassifier: return "classifier";
    case Scoring::kBiEncoder: return "bi_encoder";
    case Scoring::kEntailment: return "entailment";
  }
  return "";
}

/// What cosines are multiplied by before softmax: the scale that sentence-transformers' losses train them with.
constexpr float kCosineScale = 20.0F;

std::optional<std::size_t> label_named(std::span<const std::string> labels, std::string_view beginning) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string& label = labels[i];
    const bool is_it = label.size() >= beginning.size() &&
                       std::equal(beginning.begin(), beginning.end(), label.begin(),
                                  [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
    if (is_it) return i;
  }
  return std::nullopt;
}

/// One request on its way: what to ask, and what the answers mean.
class Classification {
 public:
  Classification(ClassifyRequest request, std::shared_ptr<serving::LoadedModel> model)
      : request_(std::move(request)), model_(std::move(model)) {}

  base::Result<void> choose_scoring();
  [[nodiscard]] base::Result<Texts> texts() const;
  [[nodiscard]] std::string body(const serving::EncodingOutcome& outcome) const;

 private:
  [[nodiscard]] const text::EncoderFacts& facts() const { return model_->encoder()->facts(); }
  [[nodiscard]] std::span<const std::string> labels() const {
    return scoring_ == Scoring::kClassifier ? facts().labels : request_.candidate_labels;
  }
  [[nodiscard]] std::string hypothesis(const std::string& label) const;
  [[nodiscard]] std::vector<float> scores(const serving::EncodingOutcome& outcome, std::size_t input) const;
  [[nodiscard]] std::vector<float> entailment_scores(const serving::EncodingOutcome& outcome, std::size_t input) const;
  void append_input(std::string& body, const std::vector<float>& scores, std::size_t input) const;

  ClassifyRequest request_;
  std::shared_ptr<serving::LoadedModel> model_;
  Scoring scoring_ = Scoring::kClassifier;
  std::size_t entailment_ = 0;                ///< which output
  std::optional<std::size_t> contradiction_;  ///< likewise
};

/// @error kUnsupported naming the field that does not go with the model
base::Result<void> Classification::choose_scoring() {
  if (model_->encoder() == nullptr) return serving::wrong_task(*model_, serving::ModelTask::kClassification);
  const bool has_labels = !facts().labels.empty();
  if (request_.candidate_labels.empty()) {
    if (has_labels) return {};
    return base::Error{base::ErrorCode::kUnsupported,
                       "'" + model_->id() + "' has no labels of its own; give 'candidate_labels'", "candidate_labels"};
  }
  scoring_ = has_labels ? Scoring::kEntailment : Scoring::kBiEncoder;
  if (!has_labels) return {};
  const auto entailment = label_named(facts().labels, "entail");
  if (!entailment) {
    return base::Error{base::ErrorCode::kUnsupported,
                       "'" + model_->id() +
                           "' has labels of its own, none of which is entailment; leave out "
                           "'candidate_labels', or use a model for embedding or one trained on entailment",
                       "candidate_labels"};
  }
  entailment_ = *entailment;
  contradiction_ = label_named(facts().labels, "contradict");
  return {};
}

std::string Classification::hypothesis(const std::string& label) const {
  std::string text = request_.hypothesis_template;
  // What transformers' pipeline asks; a bi-encoder compares best with the bare label.
  if (text.empty()) text = scoring_ == Scoring::kEntailment ? "This example is {}." : "{}";
  return text.replace(text.find("{}"), 2, label);
}

/// Classifier: the inputs. Bi-encoder: the labels, then the inputs. Entailment: each input with each label.
base::Result<Texts> Classification::texts() const {
  if (scoring_ == Scoring::kClassifier) return encoding_texts(*model_, request_.inputs, request_.params, "input");
  std::vector<std::string> hypotheses;
  for (const std::string& label : request_.candidate_labels) hypotheses.push_back(hypothesis(label));
  if (scoring_ == Scoring::kBiEncoder) {
    MARQUEE_ASSIGN(auto all, encoding_texts(*model_, hypotheses, request_.params, "candidate_labels"));
    MARQUEE_ASSIGN(auto inputs, encoding_texts(*model_, request_.inputs, request_.params, "input"));
    std::move(inputs.begin(), inputs.end(), std::back_inserter(all));
    return all;
  }
  if (request_.inputs.size() * hypotheses.size() > kMaxTexts) {
    return base::invalid_argument("inputs times 'candidate_labels' may be at most " + std::to_string(kMaxTexts),
                                  "candidate_labels");
  }
  Texts all;
  for (std::size_t i = 0; i < request_.inputs.size(); ++i) {
    for (const std::string& one : hypotheses) {
      MARQUEE_ASSIGN(auto pair, encoding_pair(*model_, request_.inputs[i], one, request_.params,
                                              "input[" + std::to_string(i) + "]"));
      all.push_back(std::move(pair));
    }
  }
  return all;
}

/// As transformers' zero-shot pipeline: one label of several by softmax over their entailments, each by itself against
/// its contradiction.
std::vector<float> Classification::entailment_scores(const serving::EncodingOutcome& outcome, std::size_t input) const {
  const std::size_t count = request_.candidate_labels.size();
  std::vector<float> scores(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto logits = outcome.row(input * count + i);
    scores[i] = logits[entailment_];
    if (!request_.multi_label.value_or(false)) continue;
    if (contradiction_) scores[i] -= logits[*contradiction_];
  }
  text::score_labels(request_.multi_label.value_or(false) ? text::LabelKind::kMulti : text::LabelKind::kSingle, scores);
  return scores;
}

std::vector<float> Classification::scores(const serving::EncodingOutcome& outcome, std::size_t input) const {
  if (scoring_ == Scoring::kEntailment) return entailment_scores(outcome, input);
  if (scoring_ == Scoring::kClassifier) {
    const auto logits = outcome.row(input);
    std::vector<float> scores(logits.begin(), logits.end());
    text::LabelKind kind = facts().label_kind;
    if (request_.multi_label) kind = *request_.multi_label ? text::LabelKind::kMulti : text::LabelKind::kSingle;
    text::score_labels(kind, scores);
    return scores;
  }
  const std::size_t count = request_.candidate_labels.size();
  std::vector<float> scores(count);
  const bool each = request_.multi_label.value_or(false);
  for (std::size_t i = 0; i < count; ++i) {
    const float cosine = cosine_similarity(outcome.row(count + input), outcome.row(i));
    scores[i] = each ? std::max(cosine, 0.0F) : kCosineScale * cosine;
  }
  if (!each) text::score_labels(text::LabelKind::kSingle, scores);
  return scores;
}

void Classification::append_input(std::string& body, const std::vector<float>& scores, std::size_t input) const {
  const auto most = static_cast<std::size_t>(request_.top_k.value_or(text::kMaxLabels));
  const auto order = largest_first(scores, most);
  const auto append_label = [&](std::size_t label) {
    body += R"("label":)";
    append_json_string(body, labels()[label]);
    body += R"(,"score":)";
    append_json_number(body, scores[label]);
  };
  body += R"({"index":)";
  append_json_number(body, static_cast<std::int64_t>(input));
  body.push_back(',');
  append_label(order.front());
  body += R"(,"scores":[)";
  for (std::size_t i = 0; i < order.size(); ++i) {
    body += i > 0 ? ",{" : "{";
    append_label(order[i]);
    body.push_back('}');
  }
  body += "]}";
}

std::string Classification::body(const serving::EncodingOutcome& outcome) const {
  std::string body = R"({"object":"list","model":)";
  append_json_string(body, model_->id());
  body += R"(,"scoring":)";
  append_json_string(body, scoring_name(scoring_));
  body += R"(,"data":[)";
  for (std::size_t i = 0; i < request_.inputs.size(); ++i) {
    if (i > 0) body.push_back(',');
    append_input(body, scores(outcome, i), i);
  }
  body.push_back(']');
  append_encoding_usage(body, outcome.usage);
  return body + "}";
}

void begin_classification(const std::shared_ptr<Call>& call, const ClassifyRequest& request,
                          const std::shared_ptr<serving::LoadedModel>& model) {
  auto classification = std::make_shared<Classification>(request, model);
  if (auto chosen = classification->choose_scoring(); !chosen) {
    return call->exchange->respond(error_response(chosen.error(), chosen.error().field == "model" ? "wrong_task" : ""));
  }
  auto texts = classification->texts();
  if (!texts) return call->exchange->respond(error_response(texts.error()));
  start_encoding(
      {.call = call,
       .model = model,
       .texts = std::move(*texts),
       .timeout = request.params.timeout,
       .route = "/v1/classify",
       .answer = [classification](const serving::EncodingOutcome& outcome) { return classification->body(outcome); }});
}

}  // namespace

void classify(std::shared_ptr<Call> call) {
  auto parsed = parse_classify_request(call->request.body);
  if (!parsed) return call->exchange->respond(error_response(parsed.error()));
  call->drop_body();
  auto request = std::make_shared<const ClassifyRequest>(std::move(*parsed));
  with_model(call, request->params.model, [call, request](const std::shared_ptr<serving::LoadedModel>& model) {
    begin_classification(call, *request, model);
  });
}

}  // namespace marquee::http
