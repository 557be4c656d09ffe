#pragma once
// The table from which routing, key checks, /openapi.json and /docs are made.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/body_sink.h"
#include "http/call.h"

namespace marquee::http {

/// Whose key opens a route.
enum class Access : std::uint8_t {
  kPublic,    ///< no key needed
  kAnyKey,    ///< any valid key; what it shows depends on whose it is
  kInfer,     ///< a key with scope infer
  kAdmin,     ///< a key with scope admin: manages its own tenant
  kOperator,  ///< a key with scope admin of tenant "default": manages the server
};

/// Answers at once. @param call shared with nobody yet
using Respond = base::Result<Response> (*)(Call& call);
/// Answers through call->exchange, then or later.
using Begin = void (*)(std::shared_ptr<Call> call);
/// What takes the body as it comes. @param call outlives the sink
using Receive = std::unique_ptr<BodySink> (*)(Call& call);

/// Where a handler may run.
enum class RunOn : std::uint8_t {
  kIoThread,  ///< it takes microseconds and never blocks
  kWorker,    ///< it parses, tokenises, reads SQL
  kLoader,    ///< it may load a model
  kDisk,      ///< it reads or writes files
};

/// A status a route may give besides those every route of its kind gives (openapi.cc adds 401, 403, …).
struct StatusDoc {
  int status = 200;
  std::string_view description = {};
  std::string_view schema = {};  ///< a component of schemas.cc; empty: no JSON
  std::string_view content_type = "application/json";
  std::string_view stream_schema = {};  ///< of the events, if the answer may be an event stream
};

struct QueryParam {
  std::string_view name;
  std::string_view schema;  ///< JSON Schema
  std::string_view description;
};

struct Route {
  Method method = Method::kGet;
  std::string_view path;  ///< "/v1/models/{id}"
  Access access = Access::kOperator;
  std::string_view operation;  ///< operationId
  std::string_view summary;
  RunOn run_on = RunOn::kWorker;  ///< Respond and Begin
  std::variant<Respond, Begin, Receive> handler;
  std::string_view request_schema = {};  ///< a component; empty: no body
  std::string_view request_content_type = "application/json";
  std::vector<StatusDoc> statuses = {};
  std::vector<QueryParam> query = {};
  bool while_draining = false;  ///< answered also while the server leaves
};

/// All routes. One line each in routes.cc.
std::span<const Route> all_routes();

}  // namespace marquee::http
