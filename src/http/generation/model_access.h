#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http/call.h"
#include "serving/engine.h"

namespace marquee::http {

/// Calls `use` with the model, on this thread if it is loaded, otherwise on a worker once it is; or answers the call
/// with the error (404 model_not_found, the load's own). `use` may throw.
/// @note any task's model: see with_task()
void with_model(const std::shared_ptr<Call>& call, const std::string& id,
                std::function<void(const std::shared_ptr<serving::LoadedModel>&)> use);

/// The same, but a model of another task is refused with what it is for.
void with_task(const std::shared_ptr<Call>& call, const std::string& id, serving::ModelTask task,
               std::function<void(const std::shared_ptr<serving::LoadedModel>&)> use);

}  // namespace marquee::http
