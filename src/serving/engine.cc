#include "serving/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "serving/compute_team.h"
#include "serving/metrics.h"
#include "serving/model_loader.h"
#include "serving/model_registry.h"

namespace marquee::serving {
namespace {

// Far above any use; low enough that sums of a few of them cannot overflow.
constexpr unsigned kMostThreads = 1024;
constexpr std::int32_t kMostContext = 1 << 26;
constexpr std::int32_t kMostChunkTokens = 1 << 20;
constexpr std::int32_t kMostRunning = 4096;
constexpr std::int32_t kMostQueued = 1 << 20;

base::Result<void> check_range(const char* field, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return {};
  return base::invalid_argument(fmt::format("{} must be from {} to {}, not {}", field, least, most, value), field);
}

/// Which endpoints serve a task.
std::string_view endpoints_of(ModelTask task) {
  switch (task) {
    case ModelTask::kTextGeneration: return "/v1/chat/completions and /v1/completions";
    case ModelTask::kEmbedding:
      return "/v1/embeddings, /v1/similarity, /v1/rerank, and /v1/classify with 'candidate_labels'";
    case ModelTask::kClassification: return "/v1/classify, and /v1/rerank if it has one label";
  }
  return "";
}

base::Result<void> check_options(const EngineOptions& options) {
  MARQUEE_CHECK(check_range("threads", options.threads, 0, kMostThreads));
  MARQUEE_CHECK(check_range("max_context", options.max_context, 0, kMostContext));
  MARQUEE_CHECK(check_range("prefill_chunk_tokens", options.prefill_chunk_tokens, 1, kMostChunkTokens));
  MARQUEE_CHECK(check_range("max_running_sequences", options.max_running_sequences, 1, kMostRunning));
  MARQUEE_CHECK(check_range("prefix_cache_percent", options.prefix_cache_percent, 0, 100));
  MARQUEE_CHECK(check_range("encoder_batch_tokens", options.encoder_batch_tokens, 1, kMostChunkTokens));
  return check_range("max_queued_requests", options.max_queued_requests, 1, kMostQueued);
}

base::Result<void> check_drafts(const std::vector<std::string>& drafts, const std::vector<Engine::Source>& sources) {
  const auto known = [&](std::string_view id) {
    return std::any_of(sources.begin(), sources.end(), [&](const Engine::Source& source) { return source.id == id; });
  };
  for (const std::string_view pair : drafts) {
    const std::size_t equals = pair.find('=');
    const std::string_view model = pair.substr(0, equals);
    const std::string_view draft = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    if (model.empty() || draft.empty() || model == draft) {
      return base::invalid_argument(
          fmt::format("draft_models must name a model and a smaller one as 'model=draft', not '{}'", pair),
          "draft_models");
    }
    for (const std::string_view id : {model, draft}) {
      if (known(id)) continue;
      return base::invalid_argument(fmt::format("draft_models names '{}', which is not installed", id), "draft_models");
    }
  }
  return {};
}

class RegistryEngine final : public Engine {
 public:
  RegistryEngine(const EngineOptions& options, ModelLoader loader)
      : metrics_(std::make_shared<Metrics>()),
        registry_(options, std::make_shared<ComputeTeam>(options.threads), metrics_, std::move(loader)) {}

  [[nodiscard]] std::vector<ModelStatus> models() const override { return registry_.models(); }
  base::Result<std::shared_ptr<LoadedModel>> acquire(std::string_view id) override { return registry_.acquire(id); }
  std::shared_ptr<LoadedModel> acquire_if_loaded(std::string_view id) override {
    return registry_.acquire_if_loaded(id);
  }
  base::Result<void> unload(std::string_view id) override { return registry_.unload(id); }
  void add_source(Source source) override { registry_.add(std::move(source)); }
  base::Result<CacheReport> save_cache(std::string_view id, const std::string& tenant, std::string_view name) override {
    return registry_.save_cache(id, tenant, name);
  }
  base::Result<CacheReport> restore_cache(std::string_view id, const std::string& tenant,
                                          std::string_view name) override {
    return registry_.restore_cache(id, tenant, name);
  }
  base::Result<CacheReport> clear_cache(std::string_view id, const std::string& tenant) override {
    return registry_.clear_cache(id, tenant);
  }
  base::Result<CacheReport> delete_cache(std::string_view id, const std::string& tenant,
                                         std::string_view name) override {
    return registry_.delete_cache(id, tenant, name);
  }
  void drain() override { registry_.drain(); }
  [[nodiscard]] std::int64_t active_requests() const override { return registry_.active_requests(); }
  Metrics& metrics() override { return *metrics_; }

 private:
  std::shared_ptr<Metrics> metrics_;
  ModelRegistry registry_;
};

}  // namespace

std::string_view to_string(ModelTask task) {
  switch (task) {
    case ModelTask::kTextGeneration: return "text-generation";
    case ModelTask::kEmbedding: return "embedding";
    case ModelTask::kClassification: return "classification";
  }
  return "";
}

base::Error wrong_task(const LoadedModel& model, ModelTask wanted) {
  return {base::ErrorCode::kUnsupported,
          fmt::format("the model '{}' is for {}, not for {}; it is served by {}", model.id(), to_string(model.task()),
                      to_string(wanted), endpoints_of(model.task())),
          "model"};
}

base::Result<std::unique_ptr<Engine>> create_engine(const EngineOptions& options, std::vector<Engine::Source> sources,
                                                    ModelLoader loader) {
  MARQUEE_CHECK(check_options(options));
  MARQUEE_CHECK(check_drafts(options.draft_models, sources));
  auto engine = std::make_unique<RegistryEngine>(options, std::move(loader));
  for (auto& source : sources) {
    if (source.id.empty()) return base::invalid_argument("a model needs an id", "id");
    engine->add_source(std::move(source));
  }
  return std::unique_ptr<Engine>(std::move(engine));
}

base::Result<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options, std::vector<Source> sources) {
  return create_engine(options, std::move(sources), file_model_loader(options));
}

}  // namespace marquee::serving
