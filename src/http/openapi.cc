#include "http/openapi.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "http/schemas.h"

namespace marquee::http {

namespace json = base::json;

namespace {

constexpr std::string_view kDescription =
    "Field names, defaults, errors and events of the /v1 routes are OpenAI's, so its clients work unchanged. Every "
    "route "
    "but /healthz, /readyz, /docs and this document needs 'Authorization: Bearer KEY'.";

json::object reference(std::string_view schema) { return {{"$ref", "#/components/schemas/" + std::string(schema)}}; }

/// Of one event: its data is an object, an error that broke the stream off, or the end.
json::object event_schema(std::string_view schema) {
  const json::object content{{"anyOf", json::array{reference(schema), reference("Error")}}};
  const json::array data{
      json::object{{"const", "[DONE]"}},
      json::object{{"type", "string"}, {"contentMediaType", "application/json"}, {"contentSchema", content}}};
  return {{"type", "object"},
          {"description", "Events 'data: {…}' of " + std::string(schema) + ", ended by 'data: [DONE]'."},
          {"required", json::array{"data"}},
          {"properties", json::object{{"data", json::object{{"anyOf", data}}}}}};
}

json::object content_of(const StatusDoc& status) {
  json::object content;
  if (!status.schema.empty()) {
    content[status.content_type] = json::object{{"schema", reference(status.schema)}};
  } else if (!status.content_type.empty()) {
    content[status.content_type] = json::object{{"schema", json::object{{"type", "string"}}}};
  }
  if (!status.stream_schema.empty()) {
    content["text/event-stream"] = json::object{{"schema", event_schema(status.stream_schema)}};
  }
  return content;
}

json::object response_object(const StatusDoc& status) {
  json::object response{{"description", status.description}, {"content", content_of(status)}};
  if (status.status == 429 || status.status == 503) {
    response["headers"] = json::object{{"retry-after", json::object{{"schema", json::object{{"type", "integer"}}},
                                                                    {"description", "Seconds to wait."}}}};
  }
  return response;
}

/// What every route of a kind may answer, by the checks of the connection and of Router::admit.
std::map<int, StatusDoc> common_statuses(const Route& route) {
  std::map<int, StatusDoc> statuses;
  const bool form = route.request_content_type == "multipart/form-data";
  const auto add = [&](int status, std::string_view description) { statuses[status] = {status, description, "Error"}; };
  add(400, "Malformed, or a value of the wrong type or out of range; param names the field.");
  add(408, "The request took too long to arrive.");
  add(413, "The body is too large.");
  add(414, "The path is too long.");
  add(421, "The name in the Host header is not this server's.");
  add(431, "The headers are too long.");
  add(500, "A fault of the server.");
  add(503, "Too busy, not ready or shutting down; see Retry-After.");
  add(405, "The path does not know that method; Allow lists those it does.");
  if (!route.request_schema.empty())
    add(415, form ? "The body is not multipart/form-data." : "The body is not application/json.");
  if (route.access != Access::kPublic) {
    add(401, "No key, or one that is unknown or revoked.");
  }
  if (route.access != Access::kPublic && route.access != Access::kAnyKey) add(403, "The key may not do this.");
  for (const StatusDoc& status : route.statuses) statuses[status.status] = status;
  return statuses;
}

/// "{id}" parts of the path, then the query.
json::array parameters_of(const Route& route) {
  json::array parameters;
  for (std::size_t open = route.path.find('{'); open != std::string_view::npos; open = route.path.find('{', open + 1)) {
    const std::string_view name = route.path.substr(open + 1, route.path.find('}', open) - open - 1);
    parameters.emplace_back(json::object{{"name", name},
                                         {"in", "path"},
                                         {"required", true},
                                         {"schema", json::object{{"type", "string"}, {"minLength", 1}}}});
  }
  for (const QueryParam& param : route.query) {
    parameters.emplace_back(json::object{{"name", param.name},
                                         {"in", "query"},
                                         {"description", param.description},
                                         {"schema", json::parse(param.schema)}});
  }
  return parameters;
}

std::string_view access_name(Access access) {
  switch (access) {
    case Access::kPublic: return "none";
    case Access::kAnyKey: return "any key";
    case Access::kInfer: return "scope infer";
    case Access::kAdmin: return "scope admin";
    case Access::kOperator: return "scope admin of tenant default";
  }
  return "";
}

json::object operation_object(const Route& route) {
  json::object operation{
      {"operationId", route.operation}, {"summary", route.summary}, {"x-marquee-access", access_name(route.access)}};
  if (json::array parameters = parameters_of(route); !parameters.empty()) {
    operation["parameters"] = std::move(parameters);
  }
  if (!route.request_schema.empty()) {
    operation["requestBody"] = json::object{
        {"required", true},
        {"content",
         json::object{{route.request_content_type, json::object{{"schema", reference(route.request_schema)}}}}}};
  }
  json::object responses;
  for (const auto& [status, doc] : common_statuses(route)) responses[std::to_string(status)] = response_object(doc);
  operation["responses"] = std::move(responses);
  if (route.access == Access::kPublic) operation["security"] = json::array{};
  return operation;
}

std::string lower_method(Method method) {
  std::string name(to_string(method));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(c + 32); });
  return name;
}

}  // namespace

std::string openapi_document(std::span<const Route> routes) {
  json::object paths;
  for (const Route& route : routes) {
    json::value& path = paths[route.path];
    if (!path.is_object()) path = json::object{};
    path.get_object()[lower_method(route.method)] = operation_object(route);
  }
  const json::object document{
      {"openapi", "3.1.0"},
      {"info", json::object{{"title", "Marquee"},
                            {"version", MARQUEE_VERSION},
                            {"description", kDescription},
                            {"license", json::object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", json::array{json::object{{"url", "/"}}}},
      {"security", json::array{json::object{{"bearer", json::array{}}}}},
      {"paths", std::move(paths)},
      {"components",
       json::object{{"securitySchemes", json::object{{"bearer", json::object{{"type", "http"}, {"scheme", "bearer"}}}}},
                    {"schemas", component_schemas()}}}};
  return json::serialize(document);
}

}  // namespace marquee::http
