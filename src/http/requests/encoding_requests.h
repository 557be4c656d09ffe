#pragma once
// What is asked of encoders. Names and shapes are OpenAI's (embeddings), Cohere's and Jina's (rerank); truncate and
// timeout_ms are additions, the same everywhere.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/requests/completion_request.h"
#include "http/requests/fields.h"

namespace marquee::http {

/// Most texts of one request: OpenAI's.
constexpr std::size_t kMaxTexts = 2'048;
/// Most texts to compare each with each: the answer has their square.
constexpr std::size_t kMaxPairwiseTexts = 512;
constexpr std::size_t kMaxCandidateLabels = 256;
constexpr std::size_t kMaxLabelBytes = 1'024;
constexpr std::int32_t kMaxDimensions = 1 << 16;

struct EncodingParams {
  std::string model;
  bool truncate = false;  ///< cut texts that are too long for the model instead of refusing them
  std::optional<std::chrono::milliseconds> timeout;
};

/// Body of POST /v1/embeddings.
struct EmbeddingRequest {
  EncodingParams params;
  std::vector<Prompt> inputs;  ///< 1 to kMaxTexts
  std::optional<std::int32_t> dimensions;
  bool base64 = false;
};

/// Body of POST /v1/rerank.
struct RerankRequest {
  EncodingParams params;
  std::string query;
  std::vector<std::string> documents;  ///< 1 to kMaxTexts
  std::optional<std::int32_t> top_n;
  bool return_documents = false;
};

/// Body of POST /v1/similarity.
struct SimilarityRequest {
  EncodingParams params;
  std::optional<std::string> source;   ///< absent: each sentence is compared with each
  std::vector<std::string> sentences;  ///< 1 to kMaxTexts, or to kMaxPairwiseTexts
};

/// Body of POST /v1/classify.
struct ClassifyRequest {
  EncodingParams params;
  std::vector<std::string> inputs;  ///< 1 to kMaxTexts
  std::optional<std::int32_t> top_k;
  std::vector<std::string> candidate_labels;  ///< zero-shot; empty: the model's own labels
  std::string hypothesis_template;            ///< holds "{}" once; empty: chosen by how the labels are judged
  std::optional<bool> multi_label;            ///< absent: as the model was trained
};

/// @error kInvalidArgument with `field` named, as the others
base::Result<EmbeddingRequest> parse_embedding_request(std::string_view body);
base::Result<RerankRequest> parse_rerank_request(std::string_view body);
base::Result<SimilarityRequest> parse_similarity_request(std::string_view body);
base::Result<ClassifyRequest> parse_classify_request(std::string_view body);

/// The shared fields of the bodies above, and each one's own.
std::span<const Field<EncodingParams>> encoding_fields();
std::span<const Field<EmbeddingRequest>> embedding_fields();
std::span<const Field<RerankRequest>> rerank_fields();
std::span<const Field<SimilarityRequest>> similarity_fields();
std::span<const Field<ClassifyRequest>> classify_fields();

}  // namespace marquee::http
