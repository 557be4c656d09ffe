#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "apps/bench_target.h"

namespace marquee::apps {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using serving::GenerationEvent;
using SteadyClock = std::chrono::steady_clock;

/// The requests of one run, as the scheduler's thread reports them.
class RunLog {
 public:
  explicit RunLog(std::int32_t streams) : requests_(static_cast<std::size_t>(streams)), waiting_(streams) {}

  void begin(std::size_t stream) { requests_[stream].begun_s = now_s(); }
  void on_event(std::size_t stream, const GenerationEvent& event) {
    const double now = now_s();
    const std::scoped_lock lock(mutex_);
    RequestTimes& request = requests_[stream];
    if (!event.text.empty()) request.arrivals_s.push_back(now);
    if (event.error && !error_) error_ = event.error;
    if (!event.usage) return;
    request.ended_s = now;
    request.prompt_tokens = event.usage->prompt_tokens;
    request.completion_tokens = event.usage->completion_tokens;
    if (--waiting_ == 0) changed_.notify_all();
  }
  /// Those that were never sent are not waited for.
  void give_up(std::int32_t count, Error error) {
    const std::scoped_lock lock(mutex_);
    waiting_ -= count;
    if (!error_) error_ = std::move(error);
  }
  /// @return whether all have ended
  bool wait_a_little() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return waiting_ == 0; });
  }
  /// Once all have ended.
  Result<std::vector<RequestTimes>> take() {
    const std::scoped_lock lock(mutex_);
    if (error_) return *error_;
    return std::move(requests_);
  }

 private:
  [[nodiscard]] double now_s() const { return std::chrono::duration<double>(SteadyClock::now() - start_).count(); }

  const SteadyClock::time_point start_ = SteadyClock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<RequestTimes> requests_;
  std::int32_t waiting_;
  std::optional<Error> error_;
};

class LogSink final : public serving::GenerationSink {
 public:
  LogSink(std::shared_ptr<RunLog> log, std::size_t stream) : log_(std::move(log)), stream_(stream) {}
  void on_event(GenerationEvent event) override { log_->on_event(stream_, event); }

 private:
  std::shared_ptr<RunLog> log_;
  std::size_t stream_;
};

class EngineTarget final : public BenchTarget {
 public:
  EngineTarget(std::shared_ptr<serving::LoadedModel> model, const BenchPlan& plan)
      : model_(std::move(model)), plan_(plan) {}

  Result<std::vector<RequestTimes>> run(const BenchCase& bench_case, std::uint64_t variant,
                                        const std::atomic<bool>& cancelled) override {
    std::vector<serving::GenerationRequest> requests;
    for (std::int32_t stream = 0; stream < bench_case.streams; ++stream) {
      requests.push_back(request_of(bench_case, variant, stream));
    }
    auto log = std::make_shared<RunLog>(bench_case.streams);
    std::vector<std::uint64_t> ids;
    for (auto& request : requests) {
      log->begin(ids.size());
      auto id = model_->submit(std::move(request), std::make_shared<LogSink>(log, ids.size()));
      if (!id) {
        log->give_up(bench_case.streams - static_cast<std::int32_t>(ids.size()), id.error());
        cancel(ids);
        break;
      }
      ids.push_back(*id);
    }
    bool told = false;
    while (!log->wait_a_little()) {
      if (!cancelled || told) continue;
      told = true;
      cancel(ids);
    }
    if (cancelled) return Error{ErrorCode::kCancelled, "interrupted"};
    return log->take();
  }

 private:
  serving::GenerationRequest request_of(const BenchCase& bench_case, std::uint64_t variant, std::int32_t stream) const {
    serving::GenerationRequest request;
    request.tenant = "bench";
    request.prompt =
        bench_prompt(plan_.seed, variant, stream, bench_case.prompt_tokens, model_->tokenizer().vocab_size());
    request.sampling.temperature = plan_.temperature;
    request.sampling.seed = plan_.seed + static_cast<std::uint64_t>(stream);
    request.max_tokens = bench_case.output_tokens;
    request.ignore_eos = plan_.ignore_eos;
    return request;
  }

  void cancel(const std::vector<std::uint64_t>& ids) {
    for (const std::uint64_t id : ids) model_->cancel(id);
  }

  std::shared_ptr<serving::LoadedModel> model_;
  const BenchPlan plan_;
};

}  // namespace

std::unique_ptr<BenchTarget> engine_target(std::shared_ptr<serving::LoadedModel> model, const BenchPlan& plan) {
  return std::make_unique<EngineTarget>(std::move(model), plan);
}

}  // namespace marquee::apps
