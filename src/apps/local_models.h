#pragma once
// The models installed in the data folder, as the engine takes them.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "apps/settings.h"
#include "base/result.h"
#include "serving/engine.h"

namespace marquee::apps {

/// Whether the data folder has models. @error kIo if that cannot be seen
base::Result<bool> has_models(const std::filesystem::path& data);

/// Installed models that generate text; none if the folder is not there yet. Logs what is broken.
base::Result<std::vector<serving::Engine::Source>> installed_text_models(const std::string& data);
/// Those, and the encoders: all that the server may serve.
base::Result<std::vector<serving::Engine::Source>> installed_served_models(const std::string& data);

/// Which model a command means: `name` (installed, or the path of a .gguf file or a model folder, which is added to
/// `sources`), or else the default model, or else the only one.
/// @return its id @error kNotFound with what is installed and how to get more
base::Result<std::string> choose_model(const std::string& name, const Settings& settings,
                                       std::vector<serving::Engine::Source>& sources);

/// Where a data folder keeps packed weights.
std::filesystem::path packed_cache_folder(const std::filesystem::path& data);

serving::EngineOptions engine_options(const Settings& settings);

/// Loads a model, showing on a terminal that it does. @error as Engine::acquire
base::Result<std::shared_ptr<serving::LoadedModel>> load_with_progress(serving::Engine& engine, const std::string& id);

}  // namespace marquee::apps
