#include "http/schemas.h"

#include <string_view>

#include "http/requests/admin_requests.h"
#include "http/requests/cache_request.h"
#include "http/requests/chat_request.h"
#include "http/requests/completion_request.h"
#include "http/requests/encoding_requests.h"
#include "http/requests/token_requests.h"
#include "platform/files.h"

namespace marquee::http {

namespace json = base::json;

namespace {

json::object empty_schema() {
  return {{"type", "object"}, {"properties", json::object{}}, {"required", json::array{}}};
}

template <typename Target>
json::object request_schema(std::span<const Field<Target>> fields) {
  json::object schema = empty_schema();
  add_to_schema(fields, schema);
  return schema;
}

template <typename Target>
json::object generation_schema(std::span<const Field<Target>> fields) {
  json::object schema = request_schema(fields);
  add_to_schema(generation_fields(), schema);
  return schema;
}

/// The form of POST /v1/files.
json::object file_request_schema() {
  json::array purposes;
  for (const std::string_view purpose : platform::kFilePurposes) purposes.emplace_back(purpose);
  json::object schema = empty_schema();
  schema["properties"] = json::object{
      {"file", json::object{{"type", "string"},
                            {"format", "binary"},
                            {"description",
                             "JSON Lines, CSV, Parquet or text in UTF-8, told apart by its name's ending and its "
                             "first bytes."}}},
      {"purpose", json::object{{"type", "string"}, {"enum", std::move(purposes)}, {"description", "What it is for."}}}};
  schema["required"] = json::array{"file", "purpose"};
  return schema;
}

template <typename Target>
json::object encoding_schema(std::span<const Field<Target>> fields) {
  json::object schema = request_schema(fields);
  add_to_schema(encoding_fields(), schema);
  return schema;
}

struct NamedSchema {
  std::string_view name;
  std::string_view schema;
};

constexpr NamedSchema kResponseSchemas[] = {
    {"Error", R"({"type": "object", "required": ["error"], "properties": {"error": {"type": "object",
       "required": ["message", "type", "param", "code"], "properties": {
         "message": {"type": "string", "description": "What is wrong and what to do, for people."},
         "type": {"type": "string"}, "param": {"type": ["string", "null"], "description": "The field at fault."},
         "code": {"type": ["string", "null"], "description": "The fault, for programs."}}}}})"},
    {"Status", R"({"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}})"},
    {"Model", R"({"type": "object", "required": ["id", "object", "created", "owned_by", "state"], "properties": {
       "id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"},
       "owned_by": {"type": "string"}, "state": {"enum": ["unloaded", "loading", "loaded", "failed"]},
       "file_bytes": {"type": "integer"}, "resident_bytes": {"type": "integer"},
       "loaded_bytes": {"type": "integer", "description": "While it is loading: of file_bytes, how many are ready."},
       "task": {"enum": ["text-generation", "embedding", "classification"], "description": "Once it has been loaded."},
       "error": {"type": "string", "description": "Why the last load failed."}}})"},
    {"ModelList", R"({"type": "object", "required": ["object", "data"], "properties": {"object": {"const": "list"},
       "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}})"},
    {"Usage", R"({"type": "object", "required": ["prompt_tokens", "completion_tokens", "total_tokens"], "properties": {
       "prompt_tokens": {"type": "integer"}, "completion_tokens": {"type": "integer"},
       "total_tokens": {"type": "integer"}, "prompt_tokens_details": {"type": "object", "properties": {
         "cached_tokens": {"type": "integer"}}}}})"},
    {"FinishReason", R"({"enum": ["stop", "length", "tool_calls", null]})"},
    {"ToolCall", R"({"type": "object", "required": ["id", "type", "function"], "properties": {
       "id": {"type": "string"}, "type": {"const": "function"}, "function": {"type": "object",
         "required": ["name", "arguments"], "properties": {"name": {"type": "string"},
           "arguments": {"type": "string", "description": "JSON that follows the function's parameters."}}}}})"},
    {"ToolCallDelta", R"({"type": "object", "required": ["index", "function"], "properties": {
       "index": {"type": "integer"}, "id": {"type": "string"}, "type": {"const": "function"},
       "function": {"type": "object", "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}}}}})"},
    {"TokenLogprob", R"({"type": "object", "required": ["token", "logprob", "bytes"], "properties": {
       "token": {"type": "string"}, "logprob": {"type": "number"},
       "bytes": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}}}})"},
    {"ChatLogprobs", R"({"type": ["object", "null"], "properties": {"content": {"type": ["array", "null"],
       "items": {"allOf": [{"$ref": "#/components/schemas/TokenLogprob"}, {"type": "object", "properties": {
         "top_logprobs": {"type": "array", "items": {"$ref": "#/components/schemas/TokenLogprob"}}}}]}},
       "refusal": {"type": "null"}}})"},
    {"ChatCompletion", R"({"type": "object", "required": ["id", "object", "created", "model", "choices", "usage"],
       "properties": {"id": {"type": "string"}, "object": {"const": "chat.completion"},
         "created": {"type": "integer"}, "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
         "choices": {"type": "array", "items": {"type": "object",
           "required": ["index", "message", "finish_reason", "logprobs"], "properties": {
             "index": {"type": "integer"}, "message": {"type": "object", "required": ["role", "content"],
               "properties": {"role": {"const": "assistant"}, "content": {"type": ["string", "null"]},
                              "refusal": {"type": "null"}, "tool_calls": {"type": "array",
                                "items": {"$ref": "#/components/schemas/ToolCall"}}}},
             "logprobs": {"$ref": "#/components/schemas/ChatLogprobs"},
             "finish_reason": {"$ref": "#/components/schemas/FinishReason"}}}},
         "usage": {"$ref": "#/components/schemas/Usage"}}})"},
    {"ChatCompletionChunk", R"({"type": "object", "required": ["id", "object", "created", "model", "choices"],
       "properties": {"id": {"type": "string"}, "object": {"const": "chat.completion.chunk"},
         "created": {"type": "integer"}, "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
         "choices": {"type": "array", "items": {"type": "object", "required": ["index", "delta", "finish_reason"],
           "properties": {"index": {"type": "integer"}, "delta": {"type": "object", "properties": {
               "role": {"const": "assistant"}, "content": {"type": ["string", "null"]}, "tool_calls": {"type": "array",
                 "items": {"$ref": "#/components/schemas/ToolCallDelta"}}}},
             "logprobs": {"$ref": "#/components/schemas/ChatLogprobs"},
             "finish_reason": {"$ref": "#/components/schemas/FinishReason"}}}},
         "usage": {"anyOf": [{"$ref": "#/components/schemas/Usage"}, {"type": "null"}]}}})"},
    {"Completion", R"({"type": "object", "required": ["id", "object", "created", "model", "choices"],
       "properties": {"id": {"type": "string"}, "object": {"const": "text_completion"},
         "created": {"type": "integer"}, "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
         "choices": {"type": "array", "items": {"type": "object",
           "required": ["text", "index", "logprobs", "finish_reason"], "properties": {"text": {"type": "string"},
             "index": {"type": "integer"}, "logprobs": {"type": ["object", "null"], "properties": {
               "tokens": {"type": "array", "items": {"type": "string"}},
               "token_logprobs": {"type": "array", "items": {"type": "number"}},
               "top_logprobs": {"type": "array", "items": {"type": "object",
                 "additionalProperties": {"type": "number"}}},
               "text_offset": {"type": "array", "items": {"type": "integer"}}}},
             "finish_reason": {"$ref": "#/components/schemas/FinishReason"}}}},
         "usage": {"anyOf": [{"$ref": "#/components/schemas/Usage"}, {"type": "null"}]}}})"},
    {"CacheReport", R"({"type": "object", "required": ["object", "model", "tenant", "action"], "properties": {
       "object": {"const": "model.cache"}, "model": {"type": "string"}, "tenant": {"type": "string"},
       "action": {"enum": ["save", "restore", "clear", "delete"]}, "name": {"type": "string"},
       "n_saved": {"type": "integer", "description": "Tokens in the file."},
       "n_written": {"type": "integer", "description": "The file's bytes."},
       "n_restored": {"type": "integer", "description": "Tokens of the file that the cache holds now."},
       "n_read": {"type": "integer", "description": "The file's bytes."},
       "n_erased": {"type": "integer", "description": "Tokens that the cache held."},
       "n_deleted": {"type": "integer", "description": "The file's bytes."},
       "timings": {"type": "object", "properties": {"save_ms": {"type": "number"},
         "restore_ms": {"type": "number"}}}}})"},
    {"EncodingUsage", R"({"type": "object", "required": ["prompt_tokens", "total_tokens"], "properties": {
       "prompt_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}}})"},
    {"EmbeddingList", R"({"type": "object", "required": ["object", "data", "model", "usage"], "properties": {
       "object": {"const": "list"}, "model": {"type": "string"}, "data": {"type": "array", "items": {"type": "object",
         "required": ["object", "index", "embedding"], "properties": {"object": {"const": "embedding"},
           "index": {"type": "integer"}, "embedding": {"anyOf": [{"type": "array", "items": {"type": "number"}},
             {"type": "string", "description": "base64 of 32-bit floats, little endian."}]}}}},
       "usage": {"$ref": "#/components/schemas/EncodingUsage"}}})"},
    {"RerankResponse", R"({"type": "object", "required": ["object", "model", "scoring", "results", "usage"],
       "properties": {"object": {"const": "list"}, "model": {"type": "string"},
         "scoring": {"enum": ["cross_encoder", "bi_encoder"], "description": "cross_encoder: scores from 0 to 1 by a model that reads both together. bi_encoder: cosines of their vectors."},
         "results": {"type": "array", "items": {"type": "object", "required": ["index", "relevance_score"],
           "properties": {"index": {"type": "integer", "description": "Of the document in the request."},
             "relevance_score": {"type": "number"}, "document": {"type": "object",
               "properties": {"text": {"type": "string"}}}}}},
         "usage": {"$ref": "#/components/schemas/EncodingUsage"}}})"},
    {"SimilarityResponse", R"({"type": "object", "required": ["object", "model", "usage"], "properties": {
       "object": {"const": "list"}, "model": {"type": "string"},
       "similarities": {"type": "array", "items": {"type": "number"}, "description": "Of the source with each."},
       "matrix": {"type": "array", "items": {"type": "array", "items": {"type": "number"}},
                  "description": "Of each with each, without a source."},
       "usage": {"$ref": "#/components/schemas/EncodingUsage"}}})"},
    {"ClassifyResponse", R"({"type": "object", "required": ["object", "model", "scoring", "data", "usage"],
       "properties": {"object": {"const": "list"}, "model": {"type": "string"},
         "scoring": {"enum": ["classifier", "bi_encoder", "entailment"], "description": "How labels were judged."},
         "data": {"type": "array", "items": {"type": "object", "required": ["index", "label", "score", "scores"],
           "properties": {"index": {"type": "integer"}, "label": {"type": "string", "description": "The likeliest."},
             "score": {"type": "number"}, "scores": {"type": "array", "description": "The likeliest first.",
               "items": {"type": "object", "required": ["label", "score"], "properties": {
                 "label": {"type": "string"}, "score": {"type": "number"}}}}}}},
         "usage": {"$ref": "#/components/schemas/EncodingUsage"}}})"},
    {"TokenizeResponse", R"({"type": "object", "required": ["count", "max_model_len", "tokens"], "properties": {
       "count": {"type": "integer"}, "max_model_len": {"type": "integer"},
       "tokens": {"type": "array", "items": {"type": "integer"}},
       "token_strs": {"type": "array", "items": {"type": "string"}}}})"},
    {"DetokenizeResponse",
     R"({"type": "object", "required": ["prompt"], "properties": {"prompt": {"type": "string"}}})"},
    {"Key", R"({"type": "object", "required": ["id", "object", "tenant", "scopes", "name", "created", "revoked"],
       "properties": {"id": {"type": "string"}, "object": {"const": "key"}, "tenant": {"type": "string"},
         "scopes": {"type": "array", "items": {"enum": ["infer", "admin"]}}, "name": {"type": "string"},
         "created": {"type": "integer"}, "revoked": {"type": ["integer", "null"]}}})"},
    {"CreatedKey", R"({"allOf": [{"$ref": "#/components/schemas/Key"}, {"type": "object", "required": ["secret"],
       "properties": {"secret": {"type": "string", "description": "Shown this once; kept nowhere."}}}]})"},
    {"KeyList", R"({"type": "object", "required": ["object", "data"], "properties": {"object": {"const": "list"},
       "data": {"type": "array", "items": {"$ref": "#/components/schemas/Key"}}}})"},
    {"UsageReport", R"({"type": "object", "required": ["object", "data", "total", "truncated"], "properties": {
       "object": {"const": "usage"}, "data": {"type": "array", "items": {"type": "object",
         "required": ["day", "tenant", "key_id", "model", "requests", "tokens_in", "tokens_out", "compute_us"],
         "properties": {"day": {"type": "string"}, "tenant": {"type": "string"}, "key_id": {"type": "string"},
           "model": {"type": "string"}, "requests": {"type": "integer"}, "tokens_in": {"type": "integer"},
           "tokens_out": {"type": "integer"}, "compute_us": {"type": "integer"}}}},
       "total": {"type": "object"}, "truncated": {"type": "boolean"}}})"},
    {"File", R"({"type": "object", "required": ["id", "object", "bytes", "created_at", "filename", "purpose", "status",
       "format", "sha256"], "properties": {"id": {"type": "string"}, "object": {"const": "file"},
         "bytes": {"type": "integer"}, "created_at": {"type": "integer", "description": "Unix seconds."},
         "expires_at": {"type": "null"}, "filename": {"type": "string"}, "purpose": {"type": "string"},
         "status": {"const": "processed"}, "status_details": {"type": "null"},
         "format": {"enum": ["jsonl", "csv", "parquet", "text"]},
         "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}})"},
    {"FileList",
     R"({"type": "object", "required": ["object", "data", "has_more", "first_id", "last_id"], "properties": {
       "object": {"const": "list"}, "data": {"type": "array", "items": {"$ref": "#/components/schemas/File"}},
       "has_more": {"type": "boolean"}, "first_id": {"type": ["string", "null"]},
       "last_id": {"type": ["string", "null"]}}})"},
    {"DeletedFile", R"({"type": "object", "required": ["id", "object", "deleted"], "properties": {
       "id": {"type": "string"}, "object": {"const": "file"}, "deleted": {"const": true}}})"},
    {"OpenApi", R"({"type": "object", "required": ["openapi", "info", "paths"]})"},
};

}  // namespace

json::object component_schemas() {
  json::object schemas;
  schemas["ChatCompletionRequest"] = generation_schema(chat_fields());
  schemas["CompletionRequest"] = generation_schema(completion_fields());
  schemas["EmbeddingRequest"] = encoding_schema(embedding_fields());
  schemas["RerankRequest"] = encoding_schema(rerank_fields());
  schemas["SimilarityRequest"] = encoding_schema(similarity_fields());
  schemas["ClassifyRequest"] = encoding_schema(classify_fields());
  schemas["TokenizeRequest"] = request_schema(tokenize_fields());
  schemas["DetokenizeRequest"] = request_schema(detokenize_fields());
  schemas["CacheRequest"] = request_schema(cache_fields());
  schemas["KeyRequest"] = request_schema(key_fields());
  schemas["FileRequest"] = file_request_schema();
  for (const NamedSchema& named : kResponseSchemas) schemas[named.name] = json::parse(named.schema);
  return schemas;
}

}  // namespace marquee::http
