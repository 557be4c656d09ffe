#include "apps/local_models.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>

#include "apps/spelling.h"
#include "apps/terminal.h"
#include "base/log.h"
#include "serving/model_store.h"

namespace marquee::apps {
namespace {

using base::Result;
using Source = serving::Engine::Source;

bool has(const std::vector<Source>& sources, std::string_view id) {
  return std::any_of(sources.begin(), sources.end(), [&](const Source& source) { return source.id == id; });
}

std::string advice(const std::string& wrong, const std::vector<Source>& sources) {
  if (sources.empty()) return "no model is installed; try: marquee pull smollm2-135m-instruct";
  std::vector<std::string_view> ids;
  for (const Source& source : sources) ids.emplace_back(source.id);
  if (const auto nearest = nearest_name(wrong, ids)) return "did you mean '" + *nearest + "'?";
  std::string text;
  for (const std::string_view id : ids) text += (text.empty() ? "" : ", ") + std::string(id);
  return "installed: " + text + "; see also: marquee list --available";
}

template <typename Wanted>
Result<std::vector<Source>> installed_models(const std::string& data, const Wanted& wanted) {
  std::vector<Source> sources;
  MARQUEE_ASSIGN(const bool any, has_models(data));
  if (!any) return sources;
  MARQUEE_ASSIGN(auto store, serving::ModelStore::open(data));
  MARQUEE_ASSIGN(const auto listing, store.list());
  for (const std::string& broken : listing.broken) spdlog::warn("{}", broken);
  for (const serving::InstalledModel& model : listing.models) {
    if (wanted(model)) sources.push_back({model.name, model.path(), model.content_key()});
  }
  return sources;
}

bool looks_like_path(const std::string& name) { return name.find('/') != std::string::npos || name.ends_with(".gguf"); }

}  // namespace

Result<bool> has_models(const std::filesystem::path& data) {
  std::error_code error;
  const bool there = std::filesystem::exists(data / "models", error);
  if (error) return base::io_error("cannot look into " + data.string() + ": " + error.message());
  return there;
}

std::filesystem::path packed_cache_folder(const std::filesystem::path& data) { return data / "cache" / "packed"; }

Result<std::vector<Source>> installed_text_models(const std::string& data) {
  return installed_models(data, [](const serving::InstalledModel& model) { return model.generates_text(); });
}

Result<std::vector<Source>> installed_served_models(const std::string& data) {
  return installed_models(
      data, [](const serving::InstalledModel& model) { return model.generates_text() || model.encodes_text(); });
}

Result<std::string> choose_model(const std::string& name, const Settings& settings, std::vector<Source>& sources) {
  if (!name.empty()) {
    if (has(sources, name)) return name;
    std::error_code error;
    if (looks_like_path(name) && !std::filesystem::exists(name, error)) {
      return base::not_found("there is no model file or folder " + name);
    }
    if (looks_like_path(name)) {
      const auto path = std::filesystem::absolute(name, error).lexically_normal();
      const std::string id = path.has_stem() ? path.stem().string() : path.parent_path().filename().string();
      sources.erase(std::remove_if(sources.begin(), sources.end(), [&](const Source& s) { return s.id == id; }),
                    sources.end());
      sources.push_back({id, path});
      return id;
    }
    return base::not_found("there is no model '" + name + "'; " + advice(name, sources));
  }
  if (has(sources, settings.default_model)) return settings.default_model;
  if (sources.size() == 1) return sources.front().id;
  if (sources.empty()) return base::not_found(advice("", sources));
  return base::not_found("the default model, '" + settings.default_model + "', is not installed; " +
                         advice(settings.default_model, sources));
}

serving::EngineOptions engine_options(const Settings& settings) {
  serving::EngineOptions options;
  options.threads = static_cast<unsigned>(settings.threads);
  options.memory_budget_bytes = static_cast<std::uint64_t>(settings.memory_budget);
  options.packed_cache_folder = packed_cache_folder(settings.data);
  options.packed_cache_bytes = static_cast<std::uint64_t>(settings.packed_cache);
  options.kv_bytes_per_model = static_cast<std::uint64_t>(settings.kv_memory);
  options.kv_dtype = settings.kv_type == "int8" ? kernels::DType::kI8 : kernels::DType::kF16;
  if (settings.activations == "int16") options.activations = tensor::ActivationType::kInt16;
  if (settings.encoder_weights == "f32") options.encoder_precision = text::EncoderPrecision::kFloat32;
  options.max_context = static_cast<std::int32_t>(settings.max_context);
  options.prefill_chunk_tokens = static_cast<std::int32_t>(settings.prefill_chunk);
  options.max_running_sequences = static_cast<std::int32_t>(settings.max_sequences);
  options.max_queued_requests = static_cast<std::int32_t>(settings.max_queue);
  options.prefix_cache_percent = static_cast<std::int32_t>(settings.prefix_cache);
  options.speculation = settings.speculation == "prompt";
  options.draft_models = settings.draft_models;
  options.saved_caches_folder = std::filesystem::path(settings.data) / "caches";
  options.saved_caches_bytes = static_cast<std::uint64_t>(settings.saved_caches);
  return options;
}

Result<std::shared_ptr<serving::LoadedModel>> load_with_progress(serving::Engine& engine, const std::string& id) {
  ProgressBar bar(id);
  auto loading = std::async(std::launch::async, [&] { return engine.acquire(id); });
  while (loading.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    for (const serving::ModelStatus& model : engine.models()) {
      if (model.id == id) bar.show("loading", model.loaded_bytes, model.file_bytes);
    }
  }
  return loading.get();
}

}  // namespace marquee::apps
