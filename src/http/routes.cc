#include "http/routes.h"

#include "http/endpoints/chat_completions.h"
#include "http/endpoints/completions.h"
#include "http/endpoints/documents.h"
#include "http/endpoints/health.h"
#include "http/endpoints/keys.h"
#include "http/endpoints/models.h"
#include "http/endpoints/tokens.h"
#include "http/endpoints/usage.h"

namespace marquee::http {

namespace {

const StatusDoc kNoModel{404, "The model does not exist.", "Error"};
const StatusDoc kBusy{429, "The model's queue or the memory for models is full; see Retry-After.", "Error"};
const StatusDoc kTimeout{408, "The request, or its timeout_ms, took too long.", "Error"};
const StatusDoc kNoLoad{500, "The model's file is damaged.", "Error"};

constexpr std::string_view kText = R"({"type": "string"})";
constexpr std::string_view kTenant = R"({"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"})";
constexpr std::string_view kDay = R"({"type": "string", "format": "date", "examples": ["2026-11-24"]})";
constexpr std::string_view kLimit = R"({"type": "integer", "minimum": 1, "maximum": 100000, "default": 1000})";

std::vector<Route> make_routes() {
  return {
      {.method = Method::kPost,
       .path = "/v1/chat/completions",
       .access = Access::kInfer,
       .operation = "createChatCompletion",
       .summary = "Answer a conversation",
       .handler = create_chat_completion,
       .request_schema = "ChatCompletionRequest",
       .statuses = {{200, "The answer, or its events if stream is true.", "ChatCompletion", "application/json",
                     "ChatCompletionChunk"},
                    kNoModel,
                    kTimeout,
                    kBusy,
                    kNoLoad}},
      {.method = Method::kPost,
       .path = "/v1/completions",
       .access = Access::kInfer,
       .operation = "createCompletion",
       .summary = "Go on from a text",
       .handler = create_completion,
       .request_schema = "CompletionRequest",
       .statuses = {{200, "The text, or its events if stream is true.", "Completion", "application/json", "Completion"},
                    kNoModel,
                    kTimeout,
                    kBusy,
                    kNoLoad}},
      {.method = Method::kGet,
       .path = "/v1/models",
       .access = Access::kAnyKey,
       .operation = "listModels",
       .summary = "The models that can be asked",
       .handler = list_models,
       .statuses = {{200, "All models.", "ModelList"}}},
      {.method = Method::kGet,
       .path = "/v1/models/{id}",
       .access = Access::kAnyKey,
       .operation = "getModel",
       .summary = "One model",
       .handler = get_model,
       .statuses = {{200, "The model.", "Model"}, kNoModel}},
      {.method = Method::kPost,
       .path = "/v1/models/{id}/load",
       .access = Access::kOperator,
       .operation = "loadModel",
       .summary = "Load a model and wait until it can be asked",
       .run_on = RunOn::kLoader,
       .handler = load_model,
       .statuses = {{200, "The loaded model.", "Model"}, kNoModel, kBusy, kNoLoad}},
      {.method = Method::kPost,
       .path = "/v1/models/{id}/unload",
       .access = Access::kOperator,
       .operation = "unloadModel",
       .summary = "Free a model's memory",
       .run_on = RunOn::kLoader,
       .handler = unload_model,
       .statuses = {{200, "The unloaded model.", "Model"}, kNoModel, {409, "Requests use it.", "Error"}}},
      {.method = Method::kPost,
       .path = "/v1/tokenize",
       .access = Access::kInfer,
       .operation = "tokenize",
       .summary = "The token ids of a text or a conversation",
       .handler = tokenize,
       .request_schema = "TokenizeRequest",
       .statuses = {{200, "The ids.", "TokenizeResponse"}, kNoModel, kBusy, kNoLoad}},
      {.method = Method::kPost,
       .path = "/v1/detokenize",
       .access = Access::kInfer,
       .operation = "detokenize",
       .summary = "The text of token ids",
       .handler = detokenize,
       .request_schema = "DetokenizeRequest",
       .statuses = {{200, "The text.", "DetokenizeResponse"}, kNoModel, kBusy, kNoLoad}},
      {.method = Method::kGet,
       .path = "/v1/usage",
       .access = Access::kAnyKey,
       .operation = "getUsage",
       .summary = "What was used, by day, key and model: a key sees its own, an admin its tenant, an operator all",
       .handler = get_usage,
       .statuses = {{200, "Sums and their total.", "UsageReport"}},
       .query = {{"from", kDay, "First day (UTC)."},
                 {"to", kDay, "Last day (UTC)."},
                 {"key", kText, "A key's id."},
                 {"model", kText, "A model's id."},
                 {"tenant", kText, "A tenant."},
                 {"limit", kLimit, "Most sums to list."}}},
      {.method = Method::kGet,
       .path = "/v1/keys",
       .access = Access::kAdmin,
       .operation = "listKeys",
       .summary = "The keys of your tenant, or of all tenants for an operator",
       .handler = list_keys,
       .statuses = {{200, "Keys, revoked ones too; never their secrets.", "KeyList"}},
       .query = {{"tenant", kTenant, "Only this tenant's."}}},
      {.method = Method::kPost,
       .path = "/v1/keys",
       .access = Access::kAdmin,
       .operation = "createKey",
       .summary = "Make a key; its secret is shown this once",
       .handler = create_key,
       .request_schema = "KeyRequest",
       .statuses = {{201, "The key with its secret.", "CreatedKey"}, {429, "Too many writes are waiting.", "Error"}}},
      {.method = Method::kDelete,
       .path = "/v1/keys/{id}",
       .access = Access::kAdmin,
       .operation = "revokeKey",
       .summary = "Revoke a key: it opens nothing from now on",
       .handler = revoke_key,
       .statuses = {{200, "The revoked key.", "Key"},
                    {404, "No such key.", "Error"},
                    {429, "Too many writes are waiting.", "Error"}}},
      {.method = Method::kGet,
       .path = "/metrics",
       .access = Access::kOperator,
       .operation = "getMetrics",
       .summary = "Figures for Prometheus",
       .handler = get_metrics,
       .statuses = {{200, "Text exposition format.", "", "text/plain"}},
       .while_draining = true},
      {.method = Method::kGet,
       .path = "/healthz",
       .access = Access::kPublic,
       .operation = "getHealth",
       .summary = "Whether the process answers",
       .run_on = RunOn::kIoThread,
       .handler = get_healthz,
       .statuses = {{200, "It does.", "Status"}},
       .while_draining = true},
      {.method = Method::kGet,
       .path = "/readyz",
       .access = Access::kPublic,
       .operation = "getReadiness",
       .summary = "Whether requests are taken",
       .run_on = RunOn::kIoThread,
       .handler = get_readyz,
       .statuses = {{200, "They are.", "Status"}},
       .while_draining = true},
      {.method = Method::kGet,
       .path = "/openapi.json",
       .access = Access::kPublic,
       .operation = "getOpenApi",
       .summary = "This document",
       .run_on = RunOn::kIoThread,
       .handler = get_openapi,
       .statuses = {{200, "OpenAPI 3.1.", "OpenApi"}}},
      {.method = Method::kGet,
       .path = "/docs",
       .access = Access::kPublic,
       .operation = "getDocs",
       .summary = "This document as a page",
       .run_on = RunOn::kIoThread,
       .handler = get_docs,
       .statuses = {{200, "HTML.", "", "text/html"}}},
  };
}

}  // namespace

std::span<const Route> all_routes() {
  static const std::vector<Route> routes = make_routes();
  return routes;
}

}  // namespace marquee::http
