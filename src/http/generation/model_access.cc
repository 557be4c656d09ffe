#include "http/generation/model_access.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"
#include "http/error_response.h"
#include "http/services.h"

namespace marquee::http {

namespace {

bool is_known(const serving::Engine& engine, const std::string& id) {
  const auto models = engine.models();
  return std::any_of(models.begin(), models.end(), [&](const serving::ModelStatus& model) { return model.id == id; });
}

}  // namespace

void with_model(const std::shared_ptr<Call>& call, const std::string& id,
                std::function<void(const std::shared_ptr<serving::LoadedModel>&)> use) {
  Services& services = call->services;
  if (const auto model = services.engine.acquire_if_loaded(id)) {
    use(model);
    return;
  }
  if (!is_known(services.engine, id)) {
    call->exchange->respond(
        error_response({base::ErrorCode::kNotFound,
                        "the model '" + id + "' does not exist; GET /v1/models lists those that do", "model"}));
    return;
  }
  services.loaders.post([call, id, use = std::move(use)] {
    auto model = call->services.engine.acquire(id);
    if (!model) {
      call->exchange->respond(error_response(model.error()));
      return;
    }
    call->services.workers.post([call, use, model = std::move(*model)] {
      try {
        use(model);
      } catch (const std::exception& error) {
        spdlog::error("{} threw: {}", call->request.id, error.what());
        call->exchange->respond(
            error_response({base::ErrorCode::kInternal, "internal error; the server's log has more"}));
      }
    });
  });
}

void with_task(const std::shared_ptr<Call>& call, const std::string& id, serving::ModelTask task,
               std::function<void(const std::shared_ptr<serving::LoadedModel>&)> use) {
  with_model(call, id, [call, task, use = std::move(use)](const std::shared_ptr<serving::LoadedModel>& model) {
    if (model->task() == task) return use(model);
    call->exchange->respond(error_response(serving::wrong_task(*model, task), "wrong_task"));
  });
}

}  // namespace marquee::http
