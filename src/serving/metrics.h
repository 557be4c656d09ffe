#pragma once
// What /metrics shows of the engine: Prometheus counters, gauges and histograms per model and per tenant.

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "serving/generation.h"

namespace marquee::serving {

/// How a request ended, for the label `outcome`: FinishReason's values and, last, a request that was refused.
constexpr std::size_t kOutcomes = 6;
constexpr std::size_t kRejectedOutcome = 5;

/// One model's figures. Every member may be used from any thread.
struct ModelSeries {
  prometheus::Gauge* running = nullptr;  ///< sequences in the batch
  prometheus::Gauge* waiting = nullptr;  ///< requests in the queue
  prometheus::Gauge* kv_pages_used = nullptr;
  prometheus::Gauge* kv_pages_total = nullptr;
  prometheus::Histogram* batch_size = nullptr;  ///< sequences per step
  prometheus::Histogram* step_seconds = nullptr;
  prometheus::Counter* preemptions = nullptr;
  prometheus::Counter* guessed_tokens = nullptr;   ///< computed before it was known that they come
  prometheus::Counter* right_guesses = nullptr;    ///< those that did come
  prometheus::Gauge* cached_pages_idle = nullptr;  ///< that only the prefix cache holds
  prometheus::Counter* cache_evictions = nullptr;  ///< pages
};

/// One tenant's figures with one model.
struct TenantSeries {
  std::array<prometheus::Counter*, kOutcomes> requests{};
  prometheus::Counter* prompt_tokens = nullptr;
  prometheus::Counter* completion_tokens = nullptr;
  prometheus::Histogram* queue_seconds = nullptr;
  prometheus::Histogram* first_token_seconds = nullptr;
  prometheus::Histogram* token_seconds = nullptr;  ///< between two tokens of a choice
  prometheus::Histogram* batch_size = nullptr;     ///< the tenant's sequences per step that holds any
  prometheus::Gauge* kv_pages_used = nullptr;      ///< at most a quarter of a second old
  prometheus::Counter* cache_lookup_tokens = nullptr;
  prometheus::Counter* cache_hit_tokens = nullptr;
  prometheus::Gauge* cached_pages = nullptr;  ///< as old
};

/// Thread-safe. Series are made at first use and stay, as counters must; tenants beyond kMaxTenants share the label
/// value "other", so that their number bounds the page.
class Metrics {
 public:
  static constexpr std::size_t kMaxTenants = 100;

  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// For serialising, and for others to add their own families. Safe from many threads.
  [[nodiscard]] prometheus::Registry& registry() { return registry_; }
  /// The references stay valid as long as this object.
  ModelSeries& model(const std::string& model);
  TenantSeries& tenant(const std::string& model, const std::string& tenant);

 private:
  TenantSeries make_tenant_series(const std::string& model, const std::string& tenant);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Gauge>& running_;
  prometheus::Family<prometheus::Gauge>& waiting_;
  prometheus::Family<prometheus::Gauge>& kv_pages_used_;
  prometheus::Family<prometheus::Gauge>& kv_pages_total_;
  prometheus::Family<prometheus::Histogram>& batch_size_;
  prometheus::Family<prometheus::Histogram>& step_seconds_;
  prometheus::Family<prometheus::Counter>& preemptions_;
  prometheus::Family<prometheus::Counter>& guessed_tokens_;
  prometheus::Family<prometheus::Counter>& right_guesses_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Counter>& prompt_tokens_;
  prometheus::Family<prometheus::Counter>& completion_tokens_;
  prometheus::Family<prometheus::Histogram>& queue_seconds_;
  prometheus::Family<prometheus::Histogram>& first_token_seconds_;
  prometheus::Family<prometheus::Histogram>& token_seconds_;
  prometheus::Family<prometheus::Histogram>& tenant_batch_size_;
  prometheus::Family<prometheus::Gauge>& tenant_kv_pages_used_;
  prometheus::Family<prometheus::Counter>& cache_lookup_tokens_;
  prometheus::Family<prometheus::Counter>& cache_hit_tokens_;
  prometheus::Family<prometheus::Gauge>& cached_pages_;
  prometheus::Family<prometheus::Gauge>& cached_pages_idle_;
  prometheus::Family<prometheus::Counter>& cache_evictions_;

  std::mutex mutex_;
  std::set<std::string> tenants_;  ///< with a label of their own
  std::unordered_map<std::string, std::unique_ptr<ModelSeries>> models_;
  std::unordered_map<std::string, std::unordered_map<std::string, std::unique_ptr<TenantSeries>>> tenant_series_;
};

}  // namespace marquee::serving
