#include "http/endpoints/models.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "http/services.h"

namespace marquee::http {

namespace json = base::json;

namespace {

std::string_view state_name(serving::ModelState state) {
  switch (state) {
    case serving::ModelState::kUnloaded: return "unloaded";
    case serving::ModelState::kLoading: return "loading";
    case serving::ModelState::kLoaded: return "loaded";
    case serving::ModelState::kFailed: return "failed";
  }
  return "unloaded";
}

/// OpenAI's fields, then ours.
json::object to_json(const serving::ModelStatus& status) {
  json::object model{{"id", status.id},
                     {"object", "model"},
                     {"created", status.created_unix_s},
                     {"owned_by", "marquee"},
                     {"state", state_name(status.state)},
                     {"file_bytes", status.file_bytes},
                     {"resident_bytes", status.resident_bytes}};
  if (status.state == serving::ModelState::kLoading) model["loaded_bytes"] = status.loaded_bytes;
  if (status.task) model["task"] = serving::to_string(*status.task);
  if (!status.error.empty()) model["error"] = status.error;
  return model;
}

base::Result<Response> respond_with(Services& services, std::string_view id) {
  const auto models = services.engine.models();
  const auto found = std::find_if(models.begin(), models.end(), [&](const auto& model) { return model.id == id; });
  if (found == models.end()) {
    return base::Error{base::ErrorCode::kNotFound, "the model '" + std::string(id) + "' does not exist", "model"};
  }
  return Response{.body = json::serialize(to_json(*found))};
}

}  // namespace

base::Result<Response> list_models(Call& call) {
  json::array data;
  for (const serving::ModelStatus& status : call.services.engine.models()) data.emplace_back(to_json(status));
  return Response{.body = json::serialize(json::object{{"object", "list"}, {"data", std::move(data)}})};
}

base::Result<Response> get_model(Call& call) { return respond_with(call.services, call.request.path_param("id")); }

base::Result<Response> load_model(Call& call) {
  const std::string_view id = call.request.path_param("id");
  MARQUEE_CHECK(respond_with(call.services, id));
  MARQUEE_ASSIGN(const auto model, call.services.engine.acquire(id));
  return respond_with(call.services, id);
}

base::Result<Response> unload_model(Call& call) {
  const std::string_view id = call.request.path_param("id");
  MARQUEE_CHECK(respond_with(call.services, id));
  MARQUEE_CHECK(call.services.engine.unload(id));
  return respond_with(call.services, id);
}

}  // namespace marquee::http
