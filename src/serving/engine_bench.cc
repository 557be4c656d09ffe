// Tokens per second through the whole engine: scheduler, decoder, sampler. MARQUEE_TEST_MODEL names the model.
// Beside them, measured by the same team of threads in the same run, what the machine allows: bytes read from memory
// (decoding reads every weight once a step) and the best rate of the int8 kernel on data in the first-level cache.

#include <benchmark/benchmark.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "base/thread_pool.h"
#include "serving/engine.h"
#include "tensor/roofline.h"

namespace marquee::serving {
namespace {

/// Counts the tokens of several requests and says when each began and ended.
class Progress {
 public:
  explicit Progress(int requests) : waiting_(requests), starting_(requests) {}
  void on_event(bool first, const GenerationEvent& event) {
    const std::lock_guard lock(mutex_);
    if (first && --starting_ == 0) all_started_ = Clock::now();
    if (starting_ == 0 && !first) tokens_ += static_cast<std::int64_t>(event.tokens.size());
    if (event.usage && --waiting_ == 0) changed_.notify_all();
    last_ = Clock::now();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ == 0; });
  }
  /// Of tokens that came after every request had its first one.
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(last_ - all_started_).count(); }
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_;
  int starting_;
  std::int64_t tokens_ = 0;
  Clock::time_point all_started_{};
  Clock::time_point last_{};
};

class ProgressSink final : public GenerationSink {
 public:
  explicit ProgressSink(Progress& progress) : progress_(progress) {}
  void on_event(GenerationEvent event) override {
    progress_.on_event(first_, event);
    first_ = false;
  }

 private:
  Progress& progress_;
  bool first_ = true;
};

struct Loaded {
  std::unique_ptr<Engine> engine;
  std::shared_ptr<LoadedModel> model;
};

Loaded* loaded() {
  static const std::unique_ptr<Loaded> kLoaded = []() -> std::unique_ptr<Loaded> {
    const char* path = std::getenv("MARQUEE_TEST_MODEL");
    if (path == nullptr) return nullptr;
    auto result = std::make_unique<Loaded>();
    auto engine = Engine::create({.prefix_cache_percent = 0}, {{"model", path}});  // runs repeat their prompts
    if (!engine) return nullptr;
    result->engine = std::move(engine).value();
    auto model = result->engine->acquire("model");
    if (!model) return nullptr;
    result->model = std::move(model).value();
    return result;
  }();
  return kLoaded.get();
}

GenerationRequest request(int prompt_tokens, int max_tokens, int variant) {
  GenerationRequest request;
  request.tenant = "bench";
  request.max_tokens = max_tokens;
  request.ignore_eos = true;
  request.sampling.top_logprobs = 0;  // so that events carry tokens
  request.sampling.seed = static_cast<std::uint64_t>(variant);
  for (int i = 0; i < prompt_tokens; ++i) request.prompt.push_back(100 + (i * 37 + variant * 11) % 2000);
  return request;
}

void decode(benchmark::State& state) {
  Loaded* const with = loaded();
  if (with == nullptr) return state.SkipWithError("MARQUEE_TEST_MODEL names no model");
  const auto streams = static_cast<int>(state.range(0));
  double tokens = 0;
  for (auto _ : state) {
    Progress progress(streams);
    for (int i = 0; i < streams; ++i) {
      if (!with->model->submit(request(16, 96, i), std::make_shared<ProgressSink>(progress))) std::abort();
    }
    progress.wait();
    state.SetIterationTime(progress.seconds());
    tokens += static_cast<double>(progress.tokens());
  }
  state.counters["tok/s"] = benchmark::Counter(tokens, benchmark::Counter::kIsRate);
}
BENCHMARK(decode)->ArgName("streams")->Arg(1)->Arg(4)->Arg(16)->UseManualTime()->Unit(benchmark::kMillisecond);

void prefill(benchmark::State& state) {
  Loaded* const with = loaded();
  if (with == nullptr) return state.SkipWithError("MARQUEE_TEST_MODEL names no model");
  const auto length = static_cast<int>(state.range(0));
  for (auto _ : state) {
    Progress progress(1);
    const auto begin = Clock::now();
    if (!with->model->submit(request(length, 1, 1), std::make_shared<ProgressSink>(progress))) std::abort();
    progress.wait();
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  }
  state.counters["tok/s"] = benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(length),
                                               benchmark::Counter::kIsRate);
}
BENCHMARK(prefill)->ArgName("tokens")->Arg(32)->Arg(512)->Arg(1536)->UseManualTime()->Unit(benchmark::kMillisecond);

/// Runs one kind of the probe's work again and again.
void machine(benchmark::State& state, std::uint64_t (tensor::RooflineProbe::*work)(), const char* counter) {
  base::ThreadPool pool(0);
  auto probe = tensor::RooflineProbe::create(pool);
  if (!probe) return state.SkipWithError(probe.error().message.c_str());
  double done = 0;
  for (auto _ : state) done += static_cast<double>((*probe.*work)());
  state.counters[counter] = benchmark::Counter(done * 1e-9, benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(machine, memory, &tensor::RooflineProbe::read_memory, "GB/s")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(machine, int8, &tensor::RooflineProbe::multiply_int8, "GMAC/s")
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace marquee::serving
