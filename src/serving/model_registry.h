#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/compute_team.h"
#include "serving/engine.h"
#include "serving/metrics.h"
#include "serving/model_instance.h"
#include "serving/model_loader.h"
#include "serving/saved_caches.h"
#include "serving/served_model.h"

namespace marquee::serving {

/// The models that may be used and those that are in memory. Thread-safe.
///
/// One model is loaded at a time, by the thread that asked for it first, with a team of threads of its own so that
/// other models' steps go on; who asks for the same model meanwhile waits for that load and gets its result. Weights
/// and caches of all loaded models stay within the memory budget: to make room the least recently used models go that
/// have no handles and no requests, and if that is not enough the load is refused.
class ModelRegistry {
 public:
  ModelRegistry(const EngineOptions& options, std::shared_ptr<ComputeTeam> team, std::shared_ptr<Metrics> metrics,
                ModelLoader loader);
  /// Ends every request. Handles that are still held refuse new ones.
  ~ModelRegistry();
  ModelRegistry(const ModelRegistry&) = delete;
  ModelRegistry& operator=(const ModelRegistry&) = delete;

  /// A source of the same id is replaced, from its next load on.
  void add(Engine::Source source);

  /// See Engine.
  [[nodiscard]] std::vector<ModelStatus> models() const;
  base::Result<std::shared_ptr<LoadedModel>> acquire(std::string_view id);
  std::shared_ptr<LoadedModel> acquire_if_loaded(std::string_view id);
  base::Result<void> unload(std::string_view id);
  base::Result<CacheReport> save_cache(std::string_view id, const std::string& tenant, std::string_view name);
  base::Result<CacheReport> restore_cache(std::string_view id, const std::string& tenant, std::string_view name);
  base::Result<CacheReport> clear_cache(std::string_view id, const std::string& tenant);
  base::Result<CacheReport> delete_cache(std::string_view id, const std::string& tenant, std::string_view name);
  void drain();
  [[nodiscard]] std::int64_t active_requests() const;

 private:
  struct Entry {
    Engine::Source source;
    std::int64_t created_unix_s = 0;
    std::uint64_t file_bytes = 0;
    std::shared_ptr<ServedModel> instance;
    bool loading = false;
    std::uint64_t loaded_bytes = 0;                       ///< of the file's, by the load that goes on
    std::chrono::steady_clock::time_point progress_told;  ///< in the log
    std::uint64_t loads = 0;                              ///< begun so far
    std::optional<base::Error> failure;                   ///< of the last load
    std::optional<ModelTask> task;                        ///< as of the last load
    std::uint64_t last_used = 0;                          ///< on the registry's own clock
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  base::Result<Entry*> find(std::string_view id);
  static bool in_use(const Entry& entry);
  std::shared_ptr<ServedModel> hand_out(Entry& entry);
  base::Result<std::shared_ptr<ServedModel>> acquire_instance(std::string_view id);
  base::Result<std::shared_ptr<ServedModel>> instance_if_loaded(std::string_view id);
  base::Result<std::shared_ptr<ServedModel>> load_or_fail(const Engine::Source& source, std::uint64_t file_bytes);
  base::Result<std::shared_ptr<ServedModel>> load(const Engine::Source& source, std::uint64_t file_bytes);
  base::Result<std::shared_ptr<ServedModel>> load_language_model(const Engine::Source& source, ModelParts parts,
                                                                 std::unique_ptr<ModelIdentity> identity,
                                                                 std::chrono::steady_clock::time_point begin);
  base::Result<std::shared_ptr<ServedModel>> load_encoder(const Engine::Source& source, ModelParts parts);
  base::Result<std::optional<ModelParts>> load_draft(const Engine::Source& source, const formats::Tokenizer& tokenizer);
  base::Result<ModelParts> load_parts(const Engine::Source& source);
  void note_progress(const std::string& id, std::uint64_t bytes);
  base::Result<std::int32_t> choose_kv_pages(const std::string& id, const text::ModelFacts& facts,
                                             std::uint64_t draft_bytes);
  base::Result<std::uint64_t> make_room(std::uint64_t bytes, const std::string& what);
  std::shared_ptr<ServedModel> take_least_recently_used();
  [[nodiscard]] std::int32_t context_of(const text::ModelFacts& facts) const;

  const EngineOptions options_;
  const std::uint64_t budget_bytes_;
  const std::shared_ptr<ComputeTeam> team_;
  const std::shared_ptr<Metrics> metrics_;
  const ModelLoader loader_;
  SavedCaches saved_caches_;

  std::mutex load_mutex_;  ///< held during a load; taken before mutex_
  mutable std::mutex mutex_;
  std::condition_variable load_ended_;
  Entries entries_;
  std::uint64_t clock_ = 0;
  bool draining_ = false;
};

}  // namespace marquee::serving
