#include "http/generation/generation.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "http/error_response.h"
#include "http/services.h"
#include "platform/usage.h"

namespace marquee::http {

namespace {

using serving::FinishReason;
constexpr std::string_view kDone = "data: [DONE]\n\n";

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// One request: collects or streams the events of its prompts, then settles the bill, then ends the answer.
class Generation : public std::enable_shared_from_this<Generation> {
 public:
  explicit Generation(GenerationPlan plan) : plan_(std::move(plan)), exchange_(plan_.call->exchange) {
    per_prompt_ = plan_.requests.front().n;
    choices_.resize(plan_.requests.size() * static_cast<std::size_t>(per_prompt_));
  }

  void start();
  void on_event(std::int32_t first_choice, serving::GenerationEvent event);
  [[nodiscard]] bool ready() const { return !plan_.stream || exchange_->ready(); }

 private:
  void client_left();
  void cancel_all();
  void collect(std::int32_t choice, serving::GenerationEvent& event);
  void stream(std::int32_t choice, const serving::GenerationEvent& event);
  void note_failure(const serving::GenerationEvent& event);
  bool release(std::size_t parts);
  void settle();
  void deliver(const base::Result<void>& recorded);
  void answer_error(const base::Error& error);

  GenerationPlan plan_;
  std::shared_ptr<Exchange> exchange_;
  std::int32_t per_prompt_ = 1;

  std::mutex mutex_;
  std::vector<std::uint64_t> running_;
  std::size_t unfinished_ = 0;  ///< prompts, and one more while start() runs
  std::vector<Choice> choices_;
  serving::Usage usage_;
  std::optional<base::Error> error_;  ///< the first one
  bool opened_ = false;               ///< the stream has begun
  bool left_ = false;
  std::string held_;  ///< a finish that may be the answer's end: sent with the next piece or the bill
};

class Sink final : public serving::GenerationSink {
 public:
  Sink(std::shared_ptr<Generation> generation, std::int32_t first_choice)
      : generation_(std::move(generation)), first_choice_(first_choice) {}
  void on_event(serving::GenerationEvent event) override { generation_->on_event(first_choice_, std::move(event)); }
  [[nodiscard]] bool ready() const override { return generation_->ready(); }

 private:
  std::shared_ptr<Generation> generation_;
  std::int32_t first_choice_;
};

void Generation::start() {
  unfinished_ = plan_.requests.size() + 1;
  exchange_->on_gone([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->client_left();
  });
  exchange_->on_ready([model = plan_.model] { model->wake(); });
  std::size_t unsubmitted = plan_.requests.size();
  for (std::size_t i = 0; i < plan_.requests.size(); ++i) {
    auto sink = std::make_shared<Sink>(shared_from_this(), static_cast<std::int32_t>(i) * per_prompt_);
    auto id = plan_.model->submit(std::move(plan_.requests[i]), std::move(sink));
    const std::lock_guard lock(mutex_);
    if (!id) {
      if (!error_) error_ = id.error();
      break;
    }
    running_.push_back(*id);
    --unsubmitted;
    if (left_ || error_) break;
  }
  bool cancel = false;
  {
    const std::lock_guard lock(mutex_);
    cancel = left_ || error_;
  }
  if (cancel) cancel_all();
  if (release(unsubmitted + 1)) settle();
}

void Generation::client_left() {
  {
    const std::lock_guard lock(mutex_);
    left_ = true;
  }
  cancel_all();
}

void Generation::cancel_all() {
  std::vector<std::uint64_t> ids;
  {
    const std::lock_guard lock(mutex_);
    ids = running_;
  }
  for (const std::uint64_t id : ids) plan_.model->cancel(id);
}

/// @return true if nothing runs any more
bool Generation::release(std::size_t parts) {
  const std::lock_guard lock(mutex_);
  unfinished_ -= parts;
  return unfinished_ == 0;
}

void Generation::on_event(std::int32_t first_choice, serving::GenerationEvent event) {
  const std::int32_t choice = first_choice + event.choice;
  const bool last = event.usage.has_value();
  bool failed_now = false;
  {
    const std::lock_guard lock(mutex_);
    if (choice < 0 || static_cast<std::size_t>(choice) >= choices_.size()) return;
    const bool had_failed = error_.has_value();
    note_failure(event);
    failed_now = error_.has_value() && !had_failed;
    if (last) {
      usage_.prompt_tokens += event.usage->prompt_tokens;
      usage_.completion_tokens += event.usage->completion_tokens;
      usage_.cached_tokens += event.usage->cached_tokens;
      usage_.compute_time += event.usage->compute_time;
    }
    if (!error_ && !left_) {
      if (plan_.stream) {
        stream(choice, event);
      } else {
        collect(choice, event);
      }
    }
  }
  if (failed_now) cancel_all();
  if (last && release(1)) settle();
}

/// What ends a choice out of order becomes the request's error. A deadline only if nothing has been said yet.
void Generation::note_failure(const serving::GenerationEvent& event) {
  if (error_ || left_ || !event.finish) return;
  switch (*event.finish) {
    case FinishReason::kStop:
    case FinishReason::kLength: break;
    case FinishReason::kError:
      error_ = event.error.value_or(base::Error{base::ErrorCode::kInternal, "the model could not go on"});
      break;
    case FinishReason::kCancelled:
      error_ = base::Error{base::ErrorCode::kUnavailable, "the request was cancelled because the server is leaving"};
      break;
    case FinishReason::kDeadline: {
      const bool silent = event.text.empty() && event.tokens.empty() && !opened_ &&
                          std::all_of(choices_.begin(), choices_.end(),
                                      [](const Choice& choice) { return choice.text.empty() && !choice.finish; });
      if (silent) {
        error_ = base::Error{base::ErrorCode::kDeadlineExceeded, "no token was made before 'timeout_ms' was over",
                             "timeout_ms"};
      }
      break;
    }
  }
}

void Generation::collect(std::int32_t index, serving::GenerationEvent& event) {
  Choice& choice = choices_[static_cast<std::size_t>(index)];
  choice.text += event.text;
  std::move(event.tokens.begin(), event.tokens.end(), std::back_inserter(choice.tokens));
  if (event.finish) choice.finish = event.finish;
}

void Generation::stream(std::int32_t index, const serving::GenerationEvent& event) {
  const bool has_piece = !event.text.empty() || !event.tokens.empty();
  if (!has_piece && !event.finish) return;
  std::string out;
  if (!opened_) {
    opened_ = true;
    exchange_->begin_stream({.content_type = "text/event-stream; charset=utf-8",
                             .headers = {{"cache-control", "no-cache, no-store"}, {"x-accel-buffering", "no"}}});
    for (std::size_t i = 0; i < choices_.size(); ++i) plan_.format->append_opening(out, static_cast<std::int32_t>(i));
  }
  out += std::exchange(held_, {});
  if (has_piece) plan_.format->append_piece(out, {.choice = index, .text = event.text, .tokens = event.tokens});
  if (event.finish) plan_.format->append_finish(held_, index, *event.finish);
  exchange_->write(out);  // when nobody reads any more, client_left() comes by itself
}

/// Puts the request on the bill; the answer's end waits until that is on disk.
void Generation::settle() {
  Services& services = plan_.call->services;
  const Request& request = plan_.call->request;
  platform::UsageRow row;
  {
    const std::lock_guard lock(mutex_);
    if (usage_.completion_tokens == 0 && usage_.compute_time.count() == 0 && error_) {
      row.request_id = {};  // refused before anything was computed: nothing to bill
    } else {
      row = {.request_id = request.id,
             .time_unix_ms = unix_ms(),
             .tenant = request.principal.tenant,
             .key_id = request.principal.key_id,
             .model = plan_.model->id(),
             .route = std::string(plan_.route),
             .status = left_    ? 499
                       : error_ ? status_of(error_->code)
                                : 200,
             .tokens_in = usage_.prompt_tokens,
             .tokens_out = usage_.completion_tokens,
             .compute_us = std::chrono::duration_cast<std::chrono::microseconds>(usage_.compute_time).count()};
    }
  }
  if (row.request_id.empty()) {
    deliver({});
    return;
  }
  services.usage.record(std::move(row), [self = shared_from_this()](base::Result<void> recorded) {
    // The writer's thread has others' bills to write; large answers are put together elsewhere.
    self->plan_.call->services.workers.post([self, recorded = std::move(recorded)] { self->deliver(recorded); });
  });
}

void Generation::deliver(const base::Result<void>& recorded) {
  const std::lock_guard lock(mutex_);
  if (!recorded) {
    spdlog::error("{}: the usage could not be written: {}", plan_.call->request.id, recorded.error().message);
    if (!error_) error_ = base::Error{base::ErrorCode::kIo, "the usage could not be written; the answer is withheld"};
  }
  if (left_) return;
  if (error_) {
    answer_error(*error_);
    return;
  }
  if (!plan_.stream) {
    exchange_->respond({.body = plan_.format->whole(choices_, usage_)});
    return;
  }
  std::string out = std::exchange(held_, {});
  if (plan_.include_usage) plan_.format->append_usage(out, usage_);
  out += kDone;
  exchange_->write(out);
  exchange_->end_stream();
}

void Generation::answer_error(const base::Error& error) {
  if (!opened_) {
    exchange_->respond(error_response(error, {}, plan_.model->expected_wait()));
    return;
  }
  exchange_->write("data: " + error_json(error) + "\n\n");
  exchange_->end_stream();
}

}  // namespace

void start_generation(GenerationPlan plan) { std::make_shared<Generation>(std::move(plan))->start(); }

}  // namespace marquee::http
