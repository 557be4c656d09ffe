#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <utility>

#include "apps/answering.h"

namespace marquee::apps {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using serving::GenerationEvent;
using SteadyClock = std::chrono::steady_clock;

/// Hands the scheduler's events to the thread that prints them.
class EventQueue : public serving::GenerationSink {
 public:
  void on_event(GenerationEvent event) override {
    {
      const std::scoped_lock lock(mutex_);
      events_.push_back(std::move(event));
    }
    changed_.notify_one();
  }

  /// The next event, or nothing after a short while.
  std::optional<GenerationEvent> next() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return !events_.empty(); });
    if (events_.empty()) return std::nullopt;
    GenerationEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<GenerationEvent> events_;
};

text::SamplingParams sampling_of(const AnswerOptions& options) {
  text::SamplingParams params;
  if (options.temperature) params.temperature = *options.temperature;
  if (options.top_p) params.top_p = *options.top_p;
  if (options.min_p) params.min_p = *options.min_p;
  if (options.top_k) params.top_k = *options.top_k;
  if (options.repetition_penalty) params.repetition_penalty = *options.repetition_penalty;
  std::random_device device;
  params.seed = options.seed ? *options.seed : (static_cast<std::uint64_t>(device()) << 32U) | device();
  return params;
}

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

}  // namespace

double Answer::tokens_per_second() const {
  if (completion_tokens < 2 || total_s <= first_token_s) return 0;
  return static_cast<double>(completion_tokens - 1) / (total_s - first_token_s);
}

Result<Answer> EngineAnswerer::chat(const std::vector<serving::ChatMessage>& messages, const AnswerOptions& options,
                                    const OnText& on_text, const std::atomic<bool>& cancelled) {
  MARQUEE_ASSIGN(auto prompt, prompter_.encode(*model_, messages));
  return generate(std::move(prompt), options, on_text, cancelled);
}

Result<Answer> EngineAnswerer::complete(const std::string& prompt, const AnswerOptions& options, const OnText& on_text,
                                        const std::atomic<bool>& cancelled) {
  return generate(model_->tokenizer().encode(prompt, {.add_special = true}), options, on_text, cancelled);
}

Result<Answer> EngineAnswerer::generate(std::vector<formats::TokenId> prompt, const AnswerOptions& options,
                                        const OnText& on_text, const std::atomic<bool>& cancelled) {
  const auto context = static_cast<std::size_t>(model_->context_length());
  if (prompt.size() >= context) {
    return Error{ErrorCode::kTooLarge, "the prompt has " + std::to_string(prompt.size()) +
                                           " tokens, and the model's context has " + std::to_string(context)};
  }
  serving::GenerationRequest request;
  request.tenant = "local";
  request.prompt = std::move(prompt);
  request.sampling = sampling_of(options);
  request.max_tokens = options.max_tokens;
  request.stop = options.stop;
  request.ignore_eos = options.ignore_eos;

  const auto started = SteadyClock::now();
  auto events = std::make_shared<EventQueue>();
  MARQUEE_ASSIGN(const std::uint64_t id, model_->submit(std::move(request), events));
  Answer answer;
  bool told = false;
  for (;;) {
    if (cancelled && !told) {
      model_->cancel(id);
      told = true;
    }
    const auto event = events->next();
    if (!event) continue;
    if (!event->text.empty()) {
      if (answer.text.empty()) answer.first_token_s = seconds_since(started);
      answer.text += event->text;
      on_text(event->text);
    }
    if (event->finish) answer.finish_reason = to_string(*event->finish);
    if (!event->usage) continue;
    if (event->error) return *event->error;
    answer.prompt_tokens = event->usage->prompt_tokens;
    answer.completion_tokens = event->usage->completion_tokens;
    answer.total_s = seconds_since(started);
    return answer;
  }
}

}  // namespace marquee::apps
