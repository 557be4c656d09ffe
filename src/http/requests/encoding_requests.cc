#include "http/requests/encoding_requests.h"

#include <utility>

#include "http/requests/generation_params.h"

namespace marquee::http {

namespace json = base::json;

namespace {

using Done = base::Result<void>;

constexpr double kMaxStringBytes = 1e9;  // the body's own limit is far below

constexpr Field<EncodingParams> kEncodingFields[] = {
    {{.name = "model",
      .kind = FieldKind::kString,
      .min = 1,
      .max = 256,
      .required = true,
      .description = "The id of a model, as GET /v1/models lists them."},
     [](const json::value& value, EncodingParams& params) -> Done {
       params.model = string_of(value);
       return {};
     }},
    {{.name = "truncate",
      .kind = FieldKind::kBoolean,
      .default_json = "false",
      .description = "Cut texts that are longer than the model takes, instead of refusing them."},
     [](const json::value& value, EncodingParams& params) -> Done {
       params.truncate = value.get_bool();
       return {};
     }},
    {{.name = "timeout_ms",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = static_cast<double>(kMaxTimeoutMs),
      .description = "Give up with 408 after this time."},
     [](const json::value& value, EncodingParams& params) -> Done {
       params.timeout = std::chrono::milliseconds(as_integer(value).value());
       return {};
     }},
};

std::string count_text(std::size_t most) { return "1 to " + std::to_string(most); }

/// A list of 1 to `most` strings.
base::Result<std::vector<std::string>> read_strings(const json::value& value, const std::string& field,
                                                    std::size_t most) {
  const auto wrong = [&] {
    return base::invalid_argument("'" + field + "' must be an array of " + count_text(most) + " strings", field);
  };
  if (!value.is_array() || value.get_array().empty() || value.get_array().size() > most) return wrong();
  std::vector<std::string> texts;
  texts.reserve(value.get_array().size());
  for (const json::value& entry : value.get_array()) {
    if (!entry.is_string()) return wrong();
    texts.emplace_back(string_of(entry));
  }
  return texts;
}

base::Error wrong_input() {
  return base::invalid_argument("'input' must be a string, an array of token ids, or an array of " +
                                    count_text(kMaxTexts) + " strings or arrays of token ids",
                                "input");
}

base::Result<Prompt> read_ids(const json::array& array) {
  if (array.empty()) return wrong_input();
  MARQUEE_ASSIGN(auto ids, parse_token_ids(array, "input"));
  return Prompt(std::move(ids));
}

Done read_embedding_input(const json::value& value, EmbeddingRequest& request) {
  if (value.is_string()) {
    request.inputs.emplace_back(std::string(string_of(value)));
    return {};
  }
  if (!value.is_array() || value.get_array().empty()) return wrong_input();
  const json::array& array = value.get_array();
  if (array.front().is_number()) {
    MARQUEE_ASSIGN(auto ids, read_ids(array));
    request.inputs.push_back(std::move(ids));
    return {};
  }
  if (array.size() > kMaxTexts) return wrong_input();
  for (const json::value& entry : array) {
    if (entry.is_string()) {
      request.inputs.emplace_back(std::string(string_of(entry)));
      continue;
    }
    if (!entry.is_array()) return wrong_input();
    MARQUEE_ASSIGN(auto ids, read_ids(entry.get_array()));
    request.inputs.push_back(std::move(ids));
  }
  return {};
}

constexpr std::string_view kEmbeddingInputSchema = R"({"anyOf": [{"type": "string"},
  {"type": "array", "minItems": 1, "maxItems": 2048, "items": {"type": "string"}},
  {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0, "maximum": 2147483647}},
  {"type": "array", "minItems": 1, "maxItems": 2048, "items": {"type": "array", "minItems": 1,
   "items": {"type": "integer", "minimum": 0, "maximum": 2147483647}}}]})";
constexpr std::string_view kDocumentsSchema = R"({"type": "array", "minItems": 1, "maxItems": 2048, "items": {"anyOf":
  [{"type": "string"}, {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}]}})";
constexpr std::string_view kTextsSchema =
    R"({"type": "array", "minItems": 1, "maxItems": 2048, "items": {"type": "string"}})";
constexpr std::string_view kClassifyInputSchema = R"({"anyOf": [{"type": "string"},
  {"type": "array", "minItems": 1, "maxItems": 2048, "items": {"type": "string"}}]})";
constexpr std::string_view kLabelsSchema = R"({"type": ["array", "null"], "minItems": 1, "maxItems": 256,
  "items": {"type": "string", "minLength": 1, "maxLength": 1024}})";

constexpr Field<EmbeddingRequest> kEmbeddingFields[] = {
    {{.name = "input",
      .required = true,
      .schema = kEmbeddingInputSchema,
      .description = "A text, its token ids as POST /v1/tokenize gives them, or several of either."},
     read_embedding_input},
    {{.name = "dimensions",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = kMaxDimensions,
      .description = "Keep this many numbers of each vector, scaled to length 1 again."},
     [](const json::value& value, EmbeddingRequest& request) -> Done {
       request.dimensions = to_int32(value);
       return {};
     }},
    {{.name = "encoding_format",
      .kind = FieldKind::kEnum,
      .schema = "float,base64",
      .default_json = R"("float")",
      .description = "base64: the bytes of 32-bit floats, little endian."},
     [](const json::value& value, EmbeddingRequest& request) -> Done {
       request.base64 = string_of(value) == "base64";
       return {};
     }},
};

Done read_documents(const json::value& value, RerankRequest& request) {
  const auto wrong = [] {
    return base::invalid_argument(
        "'documents' must be an array of " + count_text(kMaxTexts) + " strings or objects with a string 'text'",
        "documents");
  };
  if (!value.is_array() || value.get_array().empty() || value.get_array().size() > kMaxTexts) return wrong();
  for (const json::value& entry : value.get_array()) {
    const json::value* text = &entry;
    if (const auto* object = entry.if_object()) text = object->if_contains("text");
    if (text == nullptr || !text->is_string()) return wrong();
    request.documents.emplace_back(string_of(*text));
  }
  return {};
}

constexpr Field<RerankRequest> kRerankFields[] = {
    {{.name = "query",
      .kind = FieldKind::kString,
      .max = kMaxStringBytes,
      .required = true,
      .description = "What is asked."},
     [](const json::value& value, RerankRequest& request) -> Done {
       request.query = string_of(value);
       return {};
     }},
    {{.name = "documents",
      .required = true,
      .schema = kDocumentsSchema,
      .description = "The texts to order by how well they answer."},
     read_documents},
    {{.name = "top_n",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = kMaxInt32,
      .description = "Give only the best of them."},
     [](const json::value& value, RerankRequest& request) -> Done {
       request.top_n = to_int32(value);
       return {};
     }},
    {{.name = "return_documents",
      .kind = FieldKind::kBoolean,
      .default_json = "false",
      .description = "Give the texts too."},
     [](const json::value& value, RerankRequest& request) -> Done {
       request.return_documents = value.get_bool();
       return {};
     }},
};

constexpr Field<SimilarityRequest> kSimilarityFields[] = {
    {{.name = "source",
      .kind = FieldKind::kString,
      .max = kMaxStringBytes,
      .description = "The text to compare with; absent: each sentence with each, at most 512."},
     [](const json::value& value, SimilarityRequest& request) -> Done {
       request.source = std::string(string_of(value));
       return {};
     }},
    {{.name = "sentences", .required = true, .schema = kTextsSchema, .description = "The texts."},
     [](const json::value& value, SimilarityRequest& request) -> Done {
       MARQUEE_ASSIGN(request.sentences, read_strings(value, "sentences", kMaxTexts));
       return {};
     }},
};

Done read_candidate_labels(const json::value& value, ClassifyRequest& request) {
  MARQUEE_ASSIGN(request.candidate_labels, read_strings(value, "candidate_labels", kMaxCandidateLabels));
  for (const std::string& label : request.candidate_labels) {
    if (!label.empty() && within_length(label, kMaxLabelBytes)) continue;
    return base::invalid_argument("'candidate_labels' must hold labels of 1 to 1024 characters", "candidate_labels");
  }
  return {};
}

constexpr Field<ClassifyRequest> kClassifyFields[] = {
    {{.name = "input", .required = true, .schema = kClassifyInputSchema, .description = "A text, or several."},
     [](const json::value& value, ClassifyRequest& request) -> Done {
       if (value.is_string()) {
         request.inputs.emplace_back(string_of(value));
         return {};
       }
       MARQUEE_ASSIGN(request.inputs, read_strings(value, "input", kMaxTexts));
       return {};
     }},
    {{.name = "top_k",
      .kind = FieldKind::kInteger,
      .min = 1,
      .max = kMaxInt32,
      .description = "Give only the likeliest labels."},
     [](const json::value& value, ClassifyRequest& request) -> Done {
       request.top_k = to_int32(value);
       return {};
     }},
    {{.name = "candidate_labels",
      .schema = kLabelsSchema,
      .description = "Labels that the model was not trained on, judged by what they mean."},
     read_candidate_labels},
    {{.name = "hypothesis_template",
      .kind = FieldKind::kString,
      .min = 2,
      .max = 1024,
      .description = "With candidate_labels: the sentence a label stands in, in place of its {}."},
     [](const json::value& value, ClassifyRequest& request) -> Done {
       request.hypothesis_template = string_of(value);
       return {};
     }},
    {{.name = "multi_label",
      .kind = FieldKind::kBoolean,
      .description = "Whether several labels may hold, each scored by itself; absent: as the model was trained."},
     [](const json::value& value, ClassifyRequest& request) -> Done {
       request.multi_label = value.get_bool();
       return {};
     }},
};

template <typename Target>
base::Result<Target> parse(std::string_view body, std::span<const Field<Target>> fields) {
  MARQUEE_ASSIGN(const json::object object, parse_body(body));
  Target request;
  MARQUEE_CHECK(read_fields(encoding_fields(), object, request.params));
  MARQUEE_CHECK(read_fields(fields, object, request));
  return request;
}

}  // namespace

std::span<const Field<EncodingParams>> encoding_fields() { return kEncodingFields; }
std::span<const Field<EmbeddingRequest>> embedding_fields() { return kEmbeddingFields; }
std::span<const Field<RerankRequest>> rerank_fields() { return kRerankFields; }
std::span<const Field<SimilarityRequest>> similarity_fields() { return kSimilarityFields; }
std::span<const Field<ClassifyRequest>> classify_fields() { return kClassifyFields; }

base::Result<EmbeddingRequest> parse_embedding_request(std::string_view body) {
  return parse(body, embedding_fields());
}

base::Result<RerankRequest> parse_rerank_request(std::string_view body) { return parse(body, rerank_fields()); }

base::Result<SimilarityRequest> parse_similarity_request(std::string_view body) {
  MARQUEE_ASSIGN(auto request, parse(body, similarity_fields()));
  if (!request.source && request.sentences.size() > kMaxPairwiseTexts) {
    return base::invalid_argument("without 'source', 'sentences' may be at most " + std::to_string(kMaxPairwiseTexts),
                                  "sentences");
  }
  return request;
}

base::Result<ClassifyRequest> parse_classify_request(std::string_view body) {
  MARQUEE_ASSIGN(auto request, parse(body, classify_fields()));
  const std::string& hypothesis = request.hypothesis_template;
  if (hypothesis.empty()) return request;
  if (request.candidate_labels.empty()) {
    return base::invalid_argument("'hypothesis_template' needs 'candidate_labels'", "hypothesis_template");
  }
  const std::size_t place = hypothesis.find("{}");
  if (place == std::string::npos || hypothesis.find("{}", place + 2) != std::string::npos) {
    return base::invalid_argument("'hypothesis_template' must hold {} once, where the label goes",
                                  "hypothesis_template");
  }
  return request;
}

}  // namespace marquee::http
