#include "serving/model_registry.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/thread_pool.h"
#include "serving/encoder_instance.h"
#include "serving/memory_budget.h"

namespace marquee::serving {
namespace {

// A model whose cache size is not set takes this part of the memory that is left: others find room beside it.
constexpr std::uint64_t kKvShareOfFreeMemory = 4;

// A draft model's cache holds this many of its contexts; sequences that find no room in it get no guesses.
constexpr std::int32_t kDraftContexts = 2;

constexpr auto kTellProgressEvery = std::chrono::seconds(5);

std::uint64_t size_on_disk(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    const auto size = std::filesystem::file_size(path, error);
    return error ? 0 : size;
  }
  std::uint64_t total = 0;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::error_code of_file;
    if (!it->is_regular_file(of_file)) continue;
    const auto size = it->file_size(of_file);
    if (!of_file) total += size;
  }
  return total;
}

/// Ids must mean the same to both. @error kFailedPrecondition naming the first that does not
base::Result<void> check_same_vocabulary(const std::string& id, const formats::Tokenizer& tokenizer,
                                         const std::string& draft_id, const formats::Tokenizer& draft) {
  const auto refused = [&](const std::string& why) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       fmt::format("model '{}' cannot guess for '{}': {}", draft_id, id, why), "draft_models"};
  };
  if (tokenizer.vocab_size() != draft.vocab_size()) {
    return refused(fmt::format("it has {} tokens, not {}", draft.vocab_size(), tokenizer.vocab_size()));
  }
  for (formats::TokenId token = 0; token < tokenizer.vocab_size(); ++token) {
    if (tokenizer.token_bytes(token) != draft.token_bytes(token)) {
      return refused(fmt::format("token {} is another there", token));
    }
  }
  return {};
}

/// The model as one that keeps prompts. @error kUnsupported for others; null stays null
base::Result<std::shared_ptr<ModelInstance>> with_prefix_cache(std::shared_ptr<ServedModel> model) {
  if (model == nullptr) return std::shared_ptr<ModelInstance>();
  auto instance = std::dynamic_pointer_cast<ModelInstance>(model);
  if (instance == nullptr) return wrong_task(*model, ModelTask::kTextGeneration);
  return instance;
}

std::int64_t modified_unix_s(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_mtime) : 0;
}

}  // namespace

ModelRegistry::ModelRegistry(const EngineOptions& options, std::shared_ptr<ComputeTeam> team,
                             std::shared_ptr<Metrics> metrics, ModelLoader loader)
    : options_(options),
      budget_bytes_(options.memory_budget_bytes != 0 ? options.memory_budget_bytes : default_memory_budget()),
      team_(std::move(team)),
      metrics_(std::move(metrics)),
      loader_(std::move(loader)),
      saved_caches_(options.saved_caches_folder, options.saved_caches_bytes) {}

ModelRegistry::~ModelRegistry() {
  for (auto& [id, entry] : entries_) {
    if (entry.instance != nullptr) entry.instance->stop();
  }
}

void ModelRegistry::add(Engine::Source source) {
  const std::int64_t created = modified_unix_s(source.path);
  const std::uint64_t bytes = size_on_disk(source.path);
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[source.id];
  entry.source = std::move(source);
  entry.created_unix_s = created;
  entry.file_bytes = bytes;
  entry.failure.reset();
}

std::vector<ModelStatus> ModelRegistry::models() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelStatus> all;
  for (const auto& [id, entry] : entries_) {
    ModelStatus status;
    status.id = id;
    status.created_unix_s = entry.created_unix_s;
    status.file_bytes = entry.file_bytes;
    status.task = entry.task;
    if (entry.instance != nullptr) {
      status.state = ModelState::kLoaded;
      status.resident_bytes = entry.instance->resident_bytes();
    } else if (entry.loading) {
      status.state = ModelState::kLoading;
      status.loaded_bytes = entry.loaded_bytes;
    } else if (entry.failure) {
      status.state = ModelState::kFailed;
      status.error = entry.failure->message;
    }
    all.push_back(std::move(status));
  }
  return all;
}

base::Result<ModelRegistry::Entry*> ModelRegistry::find(std::string_view id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return base::not_found(fmt::format("there is no model '{}'", id));
  return &found->second;
}

// Handles are made under the lock or copied from other handles, so that with one owner, the registry, nobody can get
// one.
bool ModelRegistry::in_use(const Entry& entry) {
  return entry.instance.use_count() > 1 || entry.instance->active_requests() > 0;
}

std::shared_ptr<ServedModel> ModelRegistry::hand_out(Entry& entry) {
  entry.last_used = ++clock_;
  return entry.instance;
}

base::Result<std::shared_ptr<LoadedModel>> ModelRegistry::acquire(std::string_view id) {
  MARQUEE_ASSIGN(auto instance, acquire_instance(id));
  return std::shared_ptr<LoadedModel>(std::move(instance));
}

base::Result<std::shared_ptr<ServedModel>> ModelRegistry::acquire_instance(std::string_view id) {
  std::unique_lock lock(mutex_);
  MARQUEE_ASSIGN(Entry* const entry, find(id));
  while (entry->instance == nullptr && entry->loading) {
    const std::uint64_t awaited = entry->loads;
    load_ended_.wait(lock, [&] { return !entry->loading || entry->loads != awaited; });
    if (entry->instance == nullptr && !entry->loading && entry->failure) return *entry->failure;
  }
  if (entry->instance != nullptr) return hand_out(*entry);
  entry->loading = true;
  entry->loaded_bytes = 0;
  entry->progress_told = std::chrono::steady_clock::now();
  ++entry->loads;
  const Engine::Source source = entry->source;
  const std::uint64_t file_bytes = entry->file_bytes;
  lock.unlock();
  auto loaded = load_or_fail(source, file_bytes);
  lock.lock();
  entry->loading = false;
  load_ended_.notify_all();
  if (!loaded) {
    entry->failure = loaded.error();
    spdlog::warn("model '{}' cannot be loaded: {}", source.id, loaded.error().message);
    return std::move(loaded).error();
  }
  entry->failure.reset();
  entry->instance = std::move(loaded).value();
  entry->task = entry->instance->task();
  if (draining_) entry->instance->drain();
  return hand_out(*entry);
}

std::shared_ptr<LoadedModel> ModelRegistry::acquire_if_loaded(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.instance == nullptr) return nullptr;
  return hand_out(found->second);
}

/// @return null if it is not loaded. @error kNotFound
base::Result<std::shared_ptr<ServedModel>> ModelRegistry::instance_if_loaded(std::string_view id) {
  const std::lock_guard lock(mutex_);
  MARQUEE_ASSIGN(const Entry* const entry, find(id));
  return entry->instance;
}

base::Result<CacheReport> ModelRegistry::save_cache(std::string_view id, const std::string& tenant,
                                                    std::string_view name) {
  MARQUEE_ASSIGN(auto loaded, instance_if_loaded(id));
  MARQUEE_ASSIGN(const auto instance, with_prefix_cache(std::move(loaded)));
  if (instance == nullptr) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       fmt::format("model '{}' is not loaded, so it has no prefix cache to save", id)};
  }
  return saved_caches_.save(*instance, tenant, name);
}

base::Result<CacheReport> ModelRegistry::restore_cache(std::string_view id, const std::string& tenant,
                                                       std::string_view name) {
  MARQUEE_ASSIGN(auto loaded, acquire_instance(id));
  MARQUEE_ASSIGN(const auto instance, with_prefix_cache(std::move(loaded)));
  return saved_caches_.restore(*instance, tenant, name);
}

base::Result<CacheReport> ModelRegistry::clear_cache(std::string_view id, const std::string& tenant) {
  MARQUEE_ASSIGN(auto loaded, instance_if_loaded(id));
  MARQUEE_ASSIGN(const auto instance, with_prefix_cache(std::move(loaded)));
  if (instance == nullptr) return CacheReport{};
  std::int32_t pages = 0;
  MARQUEE_CHECK(instance->with_prefix_cache([&](PrefixCache& cache) { pages = cache.clear(tenant); }));
  return CacheReport{std::int64_t{pages} * tensor::kKvPageTokens, 0};
}

base::Result<CacheReport> ModelRegistry::delete_cache(std::string_view id, const std::string& tenant,
                                                      std::string_view name) {
  MARQUEE_CHECK(instance_if_loaded(id));  // whether there is such a model
  return saved_caches_.remove(std::string(id), tenant, name);
}

base::Result<void> ModelRegistry::unload(std::string_view id) {
  std::shared_ptr<ServedModel> leaving;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  MARQUEE_ASSIGN(Entry* const entry, find(id));
  if (entry->loading) {
    return base::Error{base::ErrorCode::kFailedPrecondition, fmt::format("model '{}' is being loaded", id)};
  }
  if (entry->instance == nullptr) return {};
  if (in_use(*entry)) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       fmt::format("model '{}' is in use ({} requests are queued or running); try again when they have "
                                   "ended",
                                   id, entry->instance->active_requests())};
  }
  leaving = std::move(entry->instance);
  entry->instance = nullptr;
  return {};
}

void ModelRegistry::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  for (auto& [id, entry] : entries_) {
    if (entry.instance != nullptr) entry.instance->drain();
  }
}

std::int64_t ModelRegistry::active_requests() const {
  const std::lock_guard lock(mutex_);
  std::int64_t active = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.instance != nullptr) active += entry.instance->active_requests();
  }
  return active;
}

base::Result<std::shared_ptr<ServedModel>> ModelRegistry::load_or_fail(const Engine::Source& source,
                                                                       std::uint64_t file_bytes) {
  try {
    return load(source, file_bytes);
  } catch (const std::exception& error) {
    return base::Error{base::ErrorCode::kInternal,
                       fmt::format("loading model '{}' failed: {}", source.id, error.what())};
  }
}

base::Result<std::shared_ptr<ServedModel>> ModelRegistry::load(const Engine::Source& source, std::uint64_t file_bytes) {
  const std::lock_guard load_lock(load_mutex_);
  const auto begin = std::chrono::steady_clock::now();
  // Packed weights are about as large as the file; what they really take is known, and checked, after loading.
  MARQUEE_CHECK(make_room(file_bytes, fmt::format("model '{}' needs about {}", source.id, format_bytes(file_bytes))));
  auto identity = std::make_unique<ModelIdentity>(source.path);
  MARQUEE_ASSIGN(auto parts, load_parts(source));
  if (parts.encoder != nullptr) return load_encoder(source, std::move(parts));
  return load_language_model(source, std::move(parts), std::move(identity), begin);
}

base::Result<std::shared_ptr<ServedModel>> ModelRegistry::load_encoder(const Engine::Source& source, ModelParts parts) {
  EncoderBatcherOptions options;
  options.model_id = source.id;
  options.max_batch_tokens = options_.encoder_batch_tokens;
  options.max_queued_requests = options_.max_queued_requests;
  const text::EncoderFacts facts = parts.encoder->facts();
  auto instance = std::make_shared<EncoderInstance>(std::move(parts), team_, metrics_, options);
  const std::uint64_t needed = instance->resident_bytes();
  MARQUEE_CHECK(make_room(needed, fmt::format("model '{}' needs {}", source.id, format_bytes(needed))));
  spdlog::info("model '{}' ({}, {}) loaded: weights {}, texts of up to {} tokens", source.id, facts.architecture,
               to_string(instance->task()), format_bytes(facts.resident_bytes), facts.context_length);
  return std::shared_ptr<ServedModel>(std::move(instance));
}

base::Result<std::shared_ptr<ServedModel>> ModelRegistry::load_language_model(
    const Engine::Source& source, ModelParts parts, std::unique_ptr<ModelIdentity> identity,
    std::chrono::steady_clock::time_point begin) {
  const text::ModelFacts facts = parts.model->facts();
  ModelInstance::Setup setup;
  MARQUEE_ASSIGN(setup.draft, load_draft(source, *parts.tokenizer));
  std::uint64_t draft_bytes = 0;
  if (setup.draft) {
    const text::ModelFacts& draft = setup.draft->model->facts();
    setup.draft_pages = kDraftContexts * ((draft.context_length - 1) / tensor::kKvPageTokens + 1);
    draft_bytes = draft.resident_bytes + static_cast<std::uint64_t>(setup.draft_pages) * draft.kv.page_bytes();
  }
  MARQUEE_ASSIGN(const std::int32_t kv_pages, choose_kv_pages(source.id, facts, draft_bytes));
  setup.parts = std::move(parts);
  setup.kv_pages = kv_pages;
  setup.scheduler.model_id = source.id;
  setup.scheduler.context_length = context_of(facts);
  setup.scheduler.prefill_chunk_tokens = options_.prefill_chunk_tokens;
  setup.scheduler.max_running_sequences = options_.max_running_sequences;
  setup.scheduler.max_queued_requests = options_.max_queued_requests;
  setup.scheduler.prefix_cache_percent = options_.prefix_cache_percent;
  setup.scheduler.speculation = options_.speculation;
  setup.scheduler.activations = options_.activations;
  setup.team = team_;
  setup.metrics = metrics_;
  setup.identity = std::move(identity);
  MARQUEE_ASSIGN(auto instance, ModelInstance::create(std::move(setup)));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  spdlog::info("model '{}' ({}) loaded in {:.2f} s: weights {}, KV cache {} for {} tokens, context {}", source.id,
               facts.architecture, taken.count(), format_bytes(facts.resident_bytes),
               format_bytes(instance->resident_bytes() - facts.resident_bytes),
               std::int64_t{kv_pages} * tensor::kKvPageTokens, instance->context_length());
  return std::shared_ptr<ServedModel>(std::move(instance));
}

/// @return none if no draft model is set for it
base::Result<std::optional<ModelParts>> ModelRegistry::load_draft(const Engine::Source& source,
                                                                  const formats::Tokenizer& tokenizer) {
  const std::string prefix = source.id + "=";
  const auto pair = std::find_if(options_.draft_models.begin(), options_.draft_models.end(),
                                 [&](const std::string& one) { return one.starts_with(prefix); });
  if (pair == options_.draft_models.end()) return std::optional<ModelParts>();
  Engine::Source draft;
  {
    const std::lock_guard lock(mutex_);
    MARQUEE_ASSIGN(const Entry* const entry, find(pair->substr(prefix.size())));
    draft = entry->source;
  }
  MARQUEE_ASSIGN(auto parts, load_parts(draft));
  if (parts.model == nullptr) {
    return base::Error{base::ErrorCode::kFailedPrecondition,
                       fmt::format("model '{}' cannot guess for '{}': it does not generate text", draft.id, source.id),
                       "draft_models"};
  }
  MARQUEE_CHECK(check_same_vocabulary(source.id, tokenizer, draft.id, *parts.tokenizer));
  return std::optional<ModelParts>(std::move(parts));
}

base::Result<ModelParts> ModelRegistry::load_parts(const Engine::Source& source) {
  // Half the cores while requests are computed elsewhere: they go on, slower.
  const unsigned cores = team_->size();
  base::ThreadPool pool(active_requests() > 0 ? std::max(1U, cores / 2) : cores);
  return loader_(source, pool, [&](std::uint64_t bytes) { note_progress(source.id, bytes); });
}

void ModelRegistry::note_progress(const std::string& id, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.loaded_bytes = bytes;
  const auto now = std::chrono::steady_clock::now();
  if (now - entry.progress_told < kTellProgressEvery) return;
  entry.progress_told = now;
  spdlog::info("model '{}' is being loaded: {} of {}", id, format_bytes(bytes), format_bytes(entry.file_bytes));
}

std::int32_t ModelRegistry::context_of(const text::ModelFacts& facts) const {
  return options_.max_context > 0 ? std::min(options_.max_context, facts.context_length) : facts.context_length;
}

// At least one full context, at most what every slot could fill.
base::Result<std::int32_t> ModelRegistry::choose_kv_pages(const std::string& id, const text::ModelFacts& facts,
                                                          std::uint64_t draft_bytes) {
  const std::int32_t context = context_of(facts);
  const std::uint64_t page_bytes = facts.kv.page_bytes();
  if (context < 1 || page_bytes == 0) {
    return base::corrupt(fmt::format("model '{}' has no context or no KV cache", id));
  }
  const std::uint64_t least = (static_cast<std::uint64_t>(context) + tensor::kKvPageTokens - 1) / tensor::kKvPageTokens;
  const std::uint64_t most = std::min<std::uint64_t>(least * static_cast<std::uint64_t>(options_.max_running_sequences),
                                                     std::numeric_limits<std::int32_t>::max());
  const std::uint64_t asked =
      options_.kv_bytes_per_model == 0 ? least : std::clamp(options_.kv_bytes_per_model / page_bytes, least, most);
  if (least > most || asked > std::numeric_limits<std::uint64_t>::max() / 2 / page_bytes) {
    return base::Error{
        base::ErrorCode::kResourceExhausted,
        fmt::format("model '{}': a context of {} tokens is too long for a KV cache; limit the context", id, context)};
  }
  const std::uint64_t needed = facts.resident_bytes + draft_bytes + asked * page_bytes;
  MARQUEE_ASSIGN(
      const std::uint64_t left,
      make_room(needed, fmt::format("model '{}' needs {} ({} of weights, {} of KV cache for a context of {} "
                                    "tokens; a shorter context needs less)",
                                    id, format_bytes(needed), format_bytes(facts.resident_bytes + draft_bytes),
                                    format_bytes(asked * page_bytes), context)));
  if (options_.kv_bytes_per_model != 0) return static_cast<std::int32_t>(asked);
  const std::uint64_t share = (left - facts.resident_bytes - draft_bytes) / kKvShareOfFreeMemory / page_bytes;
  return static_cast<std::int32_t>(std::clamp(share, least, most));
}

/// Evicts idle models until `bytes` are free. @return bytes free then
base::Result<std::uint64_t> ModelRegistry::make_room(std::uint64_t bytes, const std::string& what) {
  for (;;) {
    std::shared_ptr<ServedModel> leaving;  // destroyed before the next look, outside the lock
    const std::lock_guard lock(mutex_);
    std::uint64_t used = 0;
    for (const auto& [id, entry] : entries_) {
      if (entry.instance != nullptr) used += entry.instance->resident_bytes();
    }
    const std::uint64_t left = budget_bytes_ - std::min(used, budget_bytes_);
    if (bytes <= left) return left;
    leaving = take_least_recently_used();
    if (leaving == nullptr) {
      return base::Error{base::ErrorCode::kResourceExhausted,
                         fmt::format("{}, but of the memory budget of {} only {} is free and no idle model is left to "
                                     "unload; raise the budget or try again when other models are idle",
                                     what, format_bytes(budget_bytes_), format_bytes(left))};
    }
    spdlog::info("model '{}' is unloaded to make room", leaving->id());
  }
}

/// With the lock held. @return null if every loaded model is in use
std::shared_ptr<ServedModel> ModelRegistry::take_least_recently_used() {
  Entry* oldest = nullptr;
  for (auto& [id, entry] : entries_) {
    if (entry.instance == nullptr || in_use(entry)) continue;
    if (oldest == nullptr || entry.last_used < oldest->last_used) oldest = &entry;
  }
  return oldest == nullptr ? nullptr : std::exchange(oldest->instance, nullptr);
}

}  // namespace marquee::serving
