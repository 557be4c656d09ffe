#include "serving/metrics.h"

#include <prometheus/family.h>
#include <prometheus/labels.h>

namespace marquee::serving {
namespace {

using prometheus::Histogram;

// Queueing and the first token: from a hit on an idle machine to a minute's wait.
const Histogram::BucketBoundaries kWaitBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                  0.5,   1,      2.5,   5,    10,    30,   60};
// One step or one token: from 0.5 ms to a chunk of a large model's prompt.
const Histogram::BucketBoundaries kStepBuckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.04,
                                                  0.08,   0.15,  0.3,    0.6,   1.5,  5};
const Histogram::BucketBoundaries kBatchBuckets = {1, 2, 4, 8, 16, 32, 64, 128, 256};

prometheus::Family<prometheus::Gauge>& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
prometheus::Family<prometheus::Counter>& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
prometheus::Family<Histogram>& histogram(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

Metrics::Metrics()
    : running_(gauge(registry_, "marquee_running_sequences", "Sequences being computed")),
      waiting_(gauge(registry_, "marquee_waiting_requests", "Requests waiting for their first step")),
      kv_pages_used_(gauge(registry_, "marquee_kv_pages_used", "Pages of the KV cache in use")),
      kv_pages_total_(gauge(registry_, "marquee_kv_pages", "Pages of the KV cache")),
      batch_size_(histogram(registry_, "marquee_batch_size", "Sequences per step")),
      step_seconds_(histogram(registry_, "marquee_step_seconds", "Time of one step of a model")),
      preemptions_(counter(registry_, "marquee_preemptions_total",
                           "Sequences that gave up their pages and are computed again later")),
      guessed_tokens_(counter(registry_, "marquee_guessed_tokens_total",
                              "Tokens computed before it was known that they come (speculation)")),
      right_guesses_(counter(registry_, "marquee_right_guesses_total", "Guessed tokens that did come")),
      requests_(counter(registry_, "marquee_requests_total", "Generation requests by how they ended")),
      prompt_tokens_(counter(registry_, "marquee_prompt_tokens_total", "Tokens in")),
      completion_tokens_(counter(registry_, "marquee_completion_tokens_total", "Tokens out")),
      queue_seconds_(histogram(registry_, "marquee_queue_seconds", "From a request's arrival to its first step")),
      first_token_seconds_(
          histogram(registry_, "marquee_time_to_first_token_seconds", "From a request's arrival to its first token")),
      token_seconds_(histogram(registry_, "marquee_time_per_output_token_seconds", "Between two tokens of a choice")),
      tenant_batch_size_(
          histogram(registry_, "marquee_tenant_batch_size", "A tenant's sequences per step that holds any of them")),
      tenant_kv_pages_used_(
          gauge(registry_, "marquee_tenant_kv_pages_used", "Pages of the KV cache that a tenant's sequences use")),
      cache_lookup_tokens_(counter(registry_, "marquee_prefix_cache_lookup_tokens_total",
                                   "Prompt tokens that the prefix cache was asked for")),
      cache_hit_tokens_(counter(registry_, "marquee_prefix_cache_hit_tokens_total",
                                "Prompt tokens that the prefix cache had, so that they were not computed")),
      cached_pages_(gauge(registry_, "marquee_prefix_cache_pages",
                          "Pages of the KV cache that the prefix cache holds, those that sequences use too included")),
      cached_pages_idle_(gauge(registry_, "marquee_prefix_cache_idle_pages",
                               "Pages that only the prefix cache holds: given back as soon as they are needed")),
      cache_evictions_(counter(registry_, "marquee_prefix_cache_evictions_total",
                               "Pages that the prefix cache gave back because they were needed")) {}

ModelSeries& Metrics::model(const std::string& model) {
  const std::lock_guard lock(mutex_);
  auto& series = models_[model];
  if (series == nullptr) {
    const prometheus::Labels labels{{"model", model}};
    series = std::make_unique<ModelSeries>();
    series->running = &running_.Add(labels);
    series->waiting = &waiting_.Add(labels);
    series->kv_pages_used = &kv_pages_used_.Add(labels);
    series->kv_pages_total = &kv_pages_total_.Add(labels);
    series->batch_size = &batch_size_.Add(labels, kBatchBuckets);
    series->step_seconds = &step_seconds_.Add(labels, kStepBuckets);
    series->preemptions = &preemptions_.Add(labels);
    series->guessed_tokens = &guessed_tokens_.Add(labels);
    series->right_guesses = &right_guesses_.Add(labels);
    series->cached_pages_idle = &cached_pages_idle_.Add(labels);
    series->cache_evictions = &cache_evictions_.Add(labels);
  }
  return *series;
}

TenantSeries& Metrics::tenant(const std::string& model, const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const bool named = tenants_.contains(tenant) || (tenants_.size() < kMaxTenants && tenants_.insert(tenant).second);
  const std::string label = named ? tenant : "other";
  auto& series = tenant_series_[model][label];
  if (series == nullptr) series = std::make_unique<TenantSeries>(make_tenant_series(model, label));
  return *series;
}

TenantSeries Metrics::make_tenant_series(const std::string& model, const std::string& tenant) {
  const prometheus::Labels labels{{"model", model}, {"tenant", tenant}};
  TenantSeries series;
  for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome) {
    auto with_outcome = labels;
    with_outcome.emplace("outcome", outcome == kRejectedOutcome
                                        ? std::string("rejected")
                                        : std::string(to_string(static_cast<FinishReason>(outcome))));
    series.requests[outcome] = &requests_.Add(with_outcome);
  }
  series.prompt_tokens = &prompt_tokens_.Add(labels);
  series.completion_tokens = &completion_tokens_.Add(labels);
  series.queue_seconds = &queue_seconds_.Add(labels, kWaitBuckets);
  series.first_token_seconds = &first_token_seconds_.Add(labels, kWaitBuckets);
  series.token_seconds = &token_seconds_.Add(labels, kStepBuckets);
  series.batch_size = &tenant_batch_size_.Add(labels, kBatchBuckets);
  series.kv_pages_used = &tenant_kv_pages_used_.Add(labels);
  series.cache_lookup_tokens = &cache_lookup_tokens_.Add(labels);
  series.cache_hit_tokens = &cache_hit_tokens_.Add(labels);
  series.cached_pages = &cached_pages_.Add(labels);
  return series;
}

}  // namespace marquee::serving
