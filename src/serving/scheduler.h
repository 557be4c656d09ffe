#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "formats/tokenizer.h"
#include "serving/compute_team.h"
#include "serving/generation.h"
#include "serving/metrics.h"
#include "serving/roster.h"
#include "serving/sequence.h"
#include "tensor/kv_cache.h"
#include "tensor/ops.h"
#include "text/language_model.h"
#include "text/stop_matcher.h"

namespace marquee::serving {

struct SchedulerOptions {
  std::string model_id = {};
  std::int32_t context_length = 0;
  std::int32_t prefill_chunk_tokens = 256;
  std::int32_t max_running_sequences = 64;
  std::int32_t max_queued_requests = 256;
  std::int32_t prefix_cache_percent = 100;  ///< of the pool's pages, that the prefix cache may hold; 0: there is none
  bool speculation = false;                 ///< see RosterOptions
  tensor::ActivationType activations = tensor::ActivationType::kInt8;
  /// A batch request ranks as if it had come this much later: after that it no longer yields to interactive ones.
  std::chrono::milliseconds batch_handicap{30'000};
};

/// What a scheduler works with. All of it must outlive the scheduler.
struct SchedulerParts {
  text::LanguageModel& model;
  const formats::Tokenizer& tokenizer;
  tensor::KvPool& pool;
  ComputeTeam& team;
  Metrics& metrics;
  DraftModel* draft = nullptr;  ///< guesses where nothing is said again; may be null
};

/// One thread that computes all requests of one model together, step by step. A step holds one token of every decoding
/// sequence and at most prefill_chunk_tokens prompt tokens of others; between steps requests come, leave and are cut
/// off.
///
/// Threads: submit(), cancel(), wake() and the getters from any; everything else happens on the scheduler's own thread,
/// which never holds its lock while it computes or calls a sink.
class Scheduler {
 public:
  Scheduler(SchedulerParts parts, SchedulerOptions options);
  /// As stop().
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// See LoadedModel.
  base::Result<std::uint64_t> submit(GenerationRequest request, std::shared_ptr<GenerationSink> sink);
  void cancel(std::uint64_t request);
  void wake();
  [[nodiscard]] std::chrono::seconds expected_wait() const;

  /// Calls `visit` with the prefix cache between two steps, on the scheduler's thread, and waits for it. Not from a
  /// sink.
  /// @error kUnavailable once stopped; kInternal if `visit` throws
  base::Result<void> with_prefix_cache(const std::function<void(PrefixCache&)>& visit);

  /// Refuses new requests from now on, and queued ones that do not find a place at once (kError, kUnavailable); those
  /// that run go on.
  void drain();
  /// Ends every request after the step that runs (kError, kUnavailable) and the thread. Later calls do nothing. Not
  /// from a sink.
  void stop();
  /// Queued or running; a request counts until its sink has been released.
  [[nodiscard]] std::int64_t active_requests() const { return active_.load(std::memory_order_acquire); }

 private:
  struct Inbox {
    std::vector<std::unique_ptr<Request>> requests;
    std::vector<std::uint64_t> cancelled;
    std::vector<std::packaged_task<void(PrefixCache&)>> visits;
  };
  /// Tokens to be drawn from rows of logits, one row after another: each after the first only if the one before was
  /// what the step had guessed.
  struct Draw {
    Sequence* sequence = nullptr;
    std::span<float> logits;  ///< [guesses + 1, vocab]
    std::vector<text::SampledToken> tokens = {};
    std::string error = {};
  };

  std::unique_ptr<Request> make_request(GenerationRequest spec, std::shared_ptr<GenerationSink> sink,
                                        Clock::time_point now) const;
  base::Result<void> take_queue_place(const std::string& tenant);
  base::Result<std::uint64_t> post(std::unique_ptr<Request> request);
  void leave_queue(const std::string& tenant);

  void run();
  bool wait_for_work(bool idle);
  void read_inbox();
  void accept_request(std::unique_ptr<Request> request);
  void end_overdue(Clock::time_point now);
  void refuse_queued();
  void note_admitted();
  bool step();
  void draft_guesses(std::span<Sequence* const> plan);
  base::Result<void> compute(std::span<Sequence* const> plan);
  void note_masked(Sequence& sequence);
  static void find_mask_of(Sequence& sequence);
  void prepare_draws(std::span<Sequence* const> plan);
  void draw_tokens();
  base::Result<void> draw_rows(Draw& draw) const;
  base::Result<text::SampledToken> draw_token(Sequence& sequence, std::span<float> logits) const;
  void account_step(std::span<Sequence* const> plan, Clock::duration duration);
  void deliver(Draw& draw, Clock::time_point now);
  void deliver_token(Sequence& sequence, text::SampledToken token, bool last, Clock::time_point now);
  void observe_token(Sequence& sequence, Clock::time_point now);
  void update_gauges();
  void update_cache_gauges();

  void end_choice(Sequence& sequence, FinishReason reason, ChoiceOutput::Piece piece,
                  const std::optional<base::Error>& error = {});
  void end_request(Request& request, FinishReason reason, const std::optional<base::Error>& error = {});
  void close_request(Request& request, FinishReason reason);
  void emit(Request& request, GenerationEvent event);
  void fail_all(const base::Error& error);

  SchedulerParts parts_;
  const SchedulerOptions options_;
  ModelSeries& series_;

  // Shared with callers.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Inbox inbox_;
  std::unordered_map<std::string, std::int32_t> queued_by_tenant_;
  std::int32_t queued_ = 0;
  std::uint64_t last_id_ = 0;
  bool signalled_ = false;
  bool draining_ = false;
  bool stopping_ = false;
  std::atomic<std::int64_t> active_{0};
  std::atomic<double> service_seconds_{0.0};  ///< of a request from admission to its end, a moving average

  // The scheduler thread's own.
  Roster roster_;
  tensor::ComputeContext context_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Request>> requests_;
  std::vector<std::uint64_t> cancelled_;
  std::vector<Request*> new_requests_;  ///< enqueued, not admitted yet
  std::vector<text::SequenceSlice> slices_;
  std::vector<Sequence*> masked_;  ///< whose next token a grammar bounds
  std::vector<float> logits_;
  std::vector<DraftModel::Wish> wishes_;
  std::vector<Sequence*> wishing_;  ///< whose each wish is
  double plain_step_s_ = 0.0;       ///< time of a step without prompts and guesses, a moving average
  std::vector<Draw> draws_;
  std::vector<std::unique_ptr<Request>> closed_;  ///< kept to the end of the step: its draws may name them
  std::int64_t seen_preemptions_ = 0;
  std::int64_t seen_evictions_ = 0;
  std::unordered_map<TenantSeries*, std::int32_t> cached_pages_;  ///< of every tenant that ever had some
  bool leaving_ = false;                                          ///< draining_, as of the last look into the inbox
  std::optional<Clock::time_point> next_deadline_;
  std::unordered_map<TenantSeries*, std::int32_t> batch_of_tenant_;  ///< scratch
  Clock::time_point pages_counted_{};

  std::mutex stop_mutex_;
  std::thread thread_;
};

}  // namespace marquee::serving
