#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/tokenizer.h"
#include "kernels/dtype.h"
#include "serving/encoding.h"
#include "serving/generation.h"
#include "tensor/ops.h"
#include "text/chat_template.h"
#include "text/encoder_model.h"
#include "text/grammar/compile.h"
#include "text/grammar/token_grammar.h"
#include "text/language_model.h"

namespace marquee::serving {

struct EngineOptions {
  unsigned threads = 0;                   ///< compute threads; 0: one per CPU
  std::uint64_t memory_budget_bytes = 0;  ///< weights and KV of all loaded models; 0: 80 % of the machine's memory
  std::uint64_t kv_bytes_per_model = 0;   ///< 0: chosen from the budget
  kernels::DType kv_dtype = kernels::DType::kF16;  ///< of keys and values: kF16, or kI8 in half the memory
  tensor::ActivationType activations = tensor::ActivationType::kInt8;        ///< what quantised weights multiply
  text::EncoderPrecision encoder_precision = text::EncoderPrecision::kInt8;  ///< of encoders' weights
  std::int32_t encoder_batch_tokens = 2048;  ///< most tokens that an encoder computes together
  std::int32_t max_context = 0;              ///< cap on each model's context; 0: the model's own
  std::int32_t prefill_chunk_tokens = 256;   ///< most prompt tokens in one step: bounds how long others' tokens wait
  std::int32_t max_running_sequences = 64;
  std::int32_t max_queued_requests = 256;   ///< per model; more gives kResourceExhausted
  std::int32_t prefix_cache_percent = 100;  ///< most of each model's KV that may keep finished prompts; 0: none
  bool speculation = true;  ///< guess what is said again, while that makes answers faster (serving/guessing.h)
  std::vector<std::string> draft_models = {};      ///< "model=draft": the draft, smaller, guesses for the model
  std::filesystem::path packed_cache_folder = {};  ///< where packed weights are kept; empty: nowhere
  std::uint64_t packed_cache_bytes = 0;            ///< most that all of them may take
  std::filesystem::path saved_caches_folder = {};  ///< where prefix caches are saved; empty: nowhere
  std::uint64_t saved_caches_bytes = std::uint64_t{4} << 30U;  ///< most on disk, for each tenant and model
};

/// What a model does.
enum class ModelTask : std::uint8_t { kTextGeneration, kEmbedding, kClassification };

/// "text-generation", "embedding", "classification": as manifests, the catalogue and GET /v1/models name them.
std::string_view to_string(ModelTask task);

/// A loaded model in use. While one is held the model is not evicted.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;
  [[nodiscard]] virtual const std::string& id() const = 0;
  [[nodiscard]] virtual const formats::Tokenizer& tokenizer() const = 0;
  [[nodiscard]] virtual const text::ChatTemplate* chat_template() const = 0;  ///< null if the file has none
  [[nodiscard]] virtual const text::ModelFacts& facts() const = 0;
  [[nodiscard]] virtual std::int32_t context_length() const = 0;  ///< after EngineOptions::max_context

  /// A grammar for GenerationRequest::grammar of this model's requests. Compiling takes up to 100 ms the first time;
  /// the grammar must not outlive the model. @error kInvalidArgument, see text::grammar::compile
  virtual base::Result<std::shared_ptr<const text::grammar::TokenGrammar>> grammar(
      const text::grammar::Source& source) = 0;
  /// Queues a request. The sink receives its events from the scheduler's thread (the first may come before this
  /// returns), the last one carrying usage, exactly once, also after cancel() and errors, and when the model or the
  /// engine is destroyed (FinishReason::kError with kUnavailable). The sink is released after its last event.
  /// @return an id for cancel()
  /// @error kInvalidArgument (empty or too long prompt, a parameter out of range; `field` named), kResourceExhausted
  ///        when the queue is full, kUnavailable while draining, kDeadlineExceeded if it has passed already
  virtual base::Result<std::uint64_t> submit(GenerationRequest request, std::shared_ptr<GenerationSink> sink) = 0;
  /// Ends a request within one step; its sink still gets the last event. Unknown ids are ignored.
  virtual void cancel(std::uint64_t request) = 0;
  /// Tells the scheduler that a sink of this model has become ready() again. Cheap; from any thread.
  virtual void wake() = 0;
  /// How long a request that came now would wait before it is computed: for Retry-After when the queue is full.
  /// At least 1 s, at most 600 s; 1 s while nothing is known yet.
  [[nodiscard]] virtual std::chrono::seconds expected_wait() const = 0;

  [[nodiscard]] virtual ModelTask task() const { return ModelTask::kTextGeneration; }
  /// What computes texts; null for a model that generates them.
  [[nodiscard]] virtual EncodingService* encoder() { return nullptr; }
};

/// Says that a model does not do what it is asked for, and what it does. kUnsupported, field "model".
base::Error wrong_task(const LoadedModel& model, ModelTask wanted);

enum class ModelState : std::uint8_t { kUnloaded, kLoading, kLoaded, kFailed };

struct ModelStatus {
  std::string id;
  ModelState state = ModelState::kUnloaded;
  std::string error;                ///< why it failed, when it did
  std::int64_t created_unix_s = 0;  ///< when the file was installed
  std::uint64_t file_bytes = 0;
  std::uint64_t loaded_bytes = 0;  ///< of file_bytes, while it is being loaded
  std::uint64_t resident_bytes = 0;
  std::optional<ModelTask> task = {};  ///< once it has been loaded
};

/// What an action on a tenant's prefix cache touched.
struct CacheReport {
  std::int64_t tokens = 0;
  std::uint64_t bytes = 0;  ///< of the file
};

/// Counters and histograms are read by http's /metrics; see serving/metrics.h.
class Metrics;

/// All models this server may use: loads on request, evicts the least recently used idle one when the budget needs it,
/// and runs one scheduler per loaded model.
class Engine {
 public:
  struct Source {
    std::string id;
    std::filesystem::path path;
    std::string content = {};  ///< InstalledModel::content_key(); empty: unknown, so packed weights are not kept
  };
  static base::Result<std::unique_ptr<Engine>> create(const EngineOptions& options, std::vector<Source> sources);
  virtual ~Engine() = default;

  [[nodiscard]] virtual std::vector<ModelStatus> models() const = 0;
  /// Loads if needed (blocking; call from a worker thread), and marks it as used now.
  /// @error kNotFound; the load's own error; kResourceExhausted if the budget cannot be met by evicting idle models
  virtual base::Result<std::shared_ptr<LoadedModel>> acquire(std::string_view id) = 0;
  /// The model if it is loaded already, without blocking; null otherwise.
  virtual std::shared_ptr<LoadedModel> acquire_if_loaded(std::string_view id) = 0;
  /// @error kNotFound; kFailedPrecondition while requests run or handles are held
  virtual base::Result<void> unload(std::string_view id) = 0;
  virtual void add_source(Source source) = 0;

  /// Writes what a loaded model's prefix cache holds of a tenant to a file of that name, in place of one that is there.
  /// Requests go on meanwhile; blocking, as the others below.
  /// @error kInvalidArgument for a bad name; kNotFound for the model; kFailedPrecondition if there is nothing to save
  /// or
  ///        no folder for it; kTooLarge; kIo
  virtual base::Result<CacheReport> save_cache(std::string_view id, const std::string& tenant,
                                               std::string_view name) = 0;
  /// Puts a saved cache back, as much as finds room, after loading the model if needed. @return what is there now
  /// @error as save_cache and acquire; kNotFound for the name too; kCorrupt for a damaged file; kFailedPrecondition if
  /// it
  ///        is not of this model's files, context and layout
  virtual base::Result<CacheReport> restore_cache(std::string_view id, const std::string& tenant,
                                                  std::string_view name) = 0;
  /// Forgets what the prefix cache holds of a tenant. @error kNotFound for the model
  virtual base::Result<CacheReport> clear_cache(std::string_view id, const std::string& tenant) = 0;
  /// Deletes a saved cache. @error kInvalidArgument, kNotFound
  virtual base::Result<CacheReport> delete_cache(std::string_view id, const std::string& tenant,
                                                 std::string_view name) = 0;
  /// Refuses new requests from now on, and queued ones that do not find a place at once (FinishReason::kError with
  /// kUnavailable); running ones go on.
  virtual void drain() = 0;
  /// Requests queued or running.
  [[nodiscard]] virtual std::int64_t active_requests() const = 0;
  virtual Metrics& metrics() = 0;
};

}  // namespace marquee::serving
