#include "serving/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"
#include "serving/request_check.h"

namespace marquee::serving {
namespace {

// How often readers that were too slow are asked again if nobody calls wake().
constexpr std::chrono::milliseconds kSlowReaderPoll{50};
// A long cache has many thousands of pages: they are not counted after every step.
constexpr std::chrono::milliseconds kPageCountInterval{250};
constexpr std::chrono::seconds kShortestWait{1};
constexpr std::chrono::seconds kLongestWait{600};

base::Error unavailable(const std::string& model) {
  return {base::ErrorCode::kUnavailable, fmt::format("model '{}' is being unloaded or the server is stopping", model)};
}

std::int32_t pages_to_cache(std::int32_t pages, std::int32_t percent) {
  return static_cast<std::int32_t>(std::int64_t{pages} * percent / 100);
}

}  // namespace

Scheduler::Scheduler(SchedulerParts parts, SchedulerOptions options)
    : parts_(parts),
      options_(std::move(options)),
      series_(parts.metrics.model(options_.model_id)),
      roster_(parts.pool,
              {options_.prefill_chunk_tokens, options_.max_running_sequences,
               pages_to_cache(parts.pool.total_pages(), options_.prefix_cache_percent), options_.speculation}),
      context_{parts.team.pool(), options_.activations} {
  // Not Set(): while a model is unloaded and loaded again, both schedulers are there for a moment.
  series_.kv_pages_total->Increment(parts_.pool.total_pages());
  thread_ = std::thread([this] { run(); });
}

Scheduler::~Scheduler() { stop(); }

void Scheduler::stop() {
  const std::lock_guard stop_lock(stop_mutex_);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  series_.kv_pages_total->Decrement(parts_.pool.total_pages());
}

void Scheduler::drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    signalled_ = true;
  }
  changed_.notify_one();
}

base::Result<std::uint64_t> Scheduler::submit(GenerationRequest request, std::shared_ptr<GenerationSink> sink) {
  const auto now = Clock::now();
  if (sink == nullptr) return base::Error{base::ErrorCode::kInternal, "a request needs a sink"};
  const RequestLimits limits{parts_.model.facts().vocab_size, options_.context_length, options_.max_running_sequences};
  MARQUEE_CHECK(check_request(request, limits, now));
  const std::string tenant = request.tenant;
  if (auto place = take_queue_place(tenant); !place) {
    parts_.metrics.tenant(options_.model_id, tenant).requests[kRejectedOutcome]->Increment();
    return std::move(place).error();
  }
  base::Result<std::uint64_t> id = unavailable(options_.model_id);
  try {
    id = post(make_request(std::move(request), std::move(sink), now));
  } catch (const std::exception& error) {
    id = base::Error{base::ErrorCode::kResourceExhausted, fmt::format("cannot queue the request: {}", error.what())};
  }
  if (!id) {
    leave_queue(tenant);
    active_.fetch_sub(1, std::memory_order_release);
  }
  return id;
}

// Taken before the request is prepared: refusing must stay cheap when there are many.
base::Result<void> Scheduler::take_queue_place(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || draining_) return unavailable(options_.model_id);
  // A quarter more than the queue holds is kept for tenants that have nothing in it, so that one tenant cannot shut out
  // the others.
  const std::int32_t most = options_.max_queued_requests;
  const auto own = queued_by_tenant_.find(tenant);
  const bool has_none = own == queued_by_tenant_.end();
  if (queued_ >= most + (has_none ? most / 4 : 0)) {
    return base::Error{base::ErrorCode::kResourceExhausted,
                       fmt::format("the queue of model '{}' is full; try again later", options_.model_id)};
  }
  ++queued_by_tenant_[tenant];
  ++queued_;
  active_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

std::unique_ptr<Request> Scheduler::make_request(GenerationRequest spec, std::shared_ptr<GenerationSink> sink,
                                                 Clock::time_point now) const {
  auto request = std::make_unique<Request>();
  request->sink = std::move(sink);
  request->submitted = now;
  request->rank_time = now;
  if (spec.priority == Priority::kBatch) request->rank_time += options_.batch_handicap;
  request->most_tokens = options_.context_length - static_cast<std::int32_t>(spec.prompt.size());
  if (spec.max_tokens > 0) request->most_tokens = std::min(request->most_tokens, spec.max_tokens);
  request->unfinished = spec.n;
  const text::StopMatcher matcher(spec.stop);
  const bool keep_records = spec.sampling.top_logprobs >= 0;
  const bool after_text = !spec.prompt.empty() && !parts_.tokenizer.is_special(spec.prompt.back());
  for (std::int32_t choice = 0; choice < spec.n; ++choice) {
    request->choices.push_back(std::make_unique<Sequence>(
        *request, choice, text::Sampler(spec.sampling, static_cast<std::uint32_t>(choice), spec.prompt),
        ChoiceOutput(parts_.tokenizer, matcher, keep_records, after_text)));
    if (spec.grammar == nullptr) continue;
    request->choices.back()->matcher.emplace(
        spec.grammar, text::grammar::MatcherOptions{.after_text = after_text, .end_tokens = !spec.ignore_eos});
  }
  request->choices.front()->tokens = spec.prompt;
  request->spec = std::move(spec);
  return request;
}

base::Result<std::uint64_t> Scheduler::post(std::unique_ptr<Request> request) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return unavailable(options_.model_id);
    id = ++last_id_;
    request->id = id;
    inbox_.requests.push_back(std::move(request));
    signalled_ = true;
  }
  changed_.notify_one();
  return id;
}

void Scheduler::leave_queue(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  --queued_;
  const auto own = queued_by_tenant_.find(tenant);
  if (--own->second == 0) queued_by_tenant_.erase(own);
}

void Scheduler::cancel(std::uint64_t request) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    inbox_.cancelled.push_back(request);
    signalled_ = true;
  }
  changed_.notify_one();
}

void Scheduler::wake() {
  {
    const std::lock_guard lock(mutex_);
    signalled_ = true;
  }
  changed_.notify_one();
}

base::Result<void> Scheduler::with_prefix_cache(const std::function<void(PrefixCache&)>& visit) {
  std::packaged_task<void(PrefixCache&)> task(visit);
  auto done = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return unavailable(options_.model_id);
    inbox_.visits.push_back(std::move(task));
    signalled_ = true;
  }
  changed_.notify_one();
  try {
    done.get();
  } catch (const std::exception& error) {
    return base::Error{base::ErrorCode::kInternal, fmt::format("the prefix cache failed: {}", error.what())};
  }
  return {};
}

// Little's law: those in the queue leave it at the rate at which running requests end.
std::chrono::seconds Scheduler::expected_wait() const {
  std::int32_t queued = 0;
  {
    const std::lock_guard lock(mutex_);
    queued = queued_;
  }
  const auto running = std::max<std::int64_t>(1, active_requests() - queued);
  const double seconds = service_seconds_.load(std::memory_order_relaxed) * queued / static_cast<double>(running);
  const auto bounded =
      std::clamp(seconds, static_cast<double>(kShortestWait.count()), static_cast<double>(kLongestWait.count()));
  return std::chrono::seconds(static_cast<std::int64_t>(bounded + 0.5));
}

void Scheduler::run() {
  bool idle = true;
  while (wait_for_work(idle)) {
    try {
      read_inbox();
      idle = !step();
    } catch (const std::exception& error) {
      fail_all({base::ErrorCode::kInternal, fmt::format("the scheduler failed: {}", error.what())});
      idle = false;
    }
    closed_.clear();
    update_gauges();
  }
  read_inbox();
  fail_all(unavailable(options_.model_id));
  closed_.clear();
  roster_.prefix_cache().clear();
  update_gauges();
}

/// @return false when it is time to stop
bool Scheduler::wait_for_work(bool idle) {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return signalled_ || stopping_; };
  if (idle && !something()) {
    auto until = next_deadline_.value_or(Clock::time_point::max());
    if (!requests_.empty()) until = std::min(until, Clock::now() + kSlowReaderPoll);
    if (until == Clock::time_point::max()) {
      changed_.wait(lock, something);
    } else {
      changed_.wait_until(lock, until, something);
    }
  }
  return !stopping_;
}

void Scheduler::read_inbox() {
  Inbox inbox;
  {
    const std::lock_guard lock(mutex_);
    signalled_ = false;
    leaving_ = draining_;
    std::swap(inbox, inbox_);
  }
  for (auto& visit : inbox.visits) visit(roster_.prefix_cache());
  for (auto& request : inbox.requests) accept_request(std::move(request));
  inbox.cancelled.insert(inbox.cancelled.end(), cancelled_.begin(), cancelled_.end());
  cancelled_.clear();
  for (const std::uint64_t id : inbox.cancelled) {
    const auto found = requests_.find(id);
    if (found != requests_.end()) end_request(*found->second, FinishReason::kCancelled);
  }
}

void Scheduler::accept_request(std::unique_ptr<Request> request) {
  Request& accepted = *request;
  requests_.emplace(accepted.id, std::move(request));
  accepted.tenant = &roster_.tenant(accepted.spec.tenant);
  accepted.tenant->series = &parts_.metrics.tenant(options_.model_id, accepted.spec.tenant);
  roster_.enqueue(accepted);
  new_requests_.push_back(&accepted);
  if (accepted.spec.deadline) {
    next_deadline_ = std::min(next_deadline_.value_or(Clock::time_point::max()), *accepted.spec.deadline);
  }
}

void Scheduler::end_overdue(Clock::time_point now) {
  if (!next_deadline_ || now < *next_deadline_) return;
  std::vector<Request*> overdue;
  next_deadline_.reset();
  for (const auto& [id, request] : requests_) {
    const auto& deadline = request->spec.deadline;
    if (!deadline) continue;
    if (*deadline <= now) {
      overdue.push_back(request.get());
    } else {
      next_deadline_ = std::min(next_deadline_.value_or(Clock::time_point::max()), *deadline);
    }
  }
  for (Request* const request : overdue) end_request(*request, FinishReason::kDeadline);
}

void Scheduler::refuse_queued() {
  const std::vector<Request*> queued = new_requests_;
  for (Request* const request : queued) end_request(*request, FinishReason::kError, unavailable(options_.model_id));
}

void Scheduler::note_admitted() {
  const auto admitted = [this](Request* request) {
    if (!request->admitted) return false;
    leave_queue(request->spec.tenant);
    request->usage.prompt_tokens = static_cast<std::int64_t>(request->spec.prompt.size());
    request->usage.queue_time = *request->admitted - request->submitted;
    request->tenant->series->queue_seconds->Observe(std::chrono::duration<double>(request->usage.queue_time).count());
    return true;
  };
  std::erase_if(new_requests_, admitted);
}

/// @return false if there was nothing to compute
bool Scheduler::step() {
  if (requests_.empty()) return false;
  auto turn = parts_.team.take_turn();
  read_inbox();  // what came while other models computed
  const auto now = Clock::now();
  end_overdue(now);
  roster_.admit(now);
  note_admitted();
  if (leaving_) refuse_queued();
  const auto plan = roster_.plan(now);
  if (plan.empty()) return false;
  const auto begin = Clock::now();
  if (parts_.draft != nullptr) draft_guesses(plan);
  const auto computed = compute(plan);
  if (computed) {
    prepare_draws(plan);
    draw_tokens();
  }
  const auto end = Clock::now();
  turn.end();
  account_step(plan, end - begin);
  if (!computed) {
    for (Sequence* const sequence : plan) {
      if (sequence->place == Sequence::Place::kFinished) continue;
      end_request(*sequence->request, FinishReason::kError, computed.error());
    }
    return true;
  }
  for (Draw& draw : draws_) deliver(draw, end);
  return true;
}

void Scheduler::draft_guesses(std::span<Sequence* const> plan) {
  std::int32_t room = roster_.room_for_guesses();
  wishes_.clear();
  wishing_.clear();
  for (Sequence* const sequence : plan) {
    if (sequence->guesses() > 0 || room == 0) continue;
    const std::int32_t most = roster_.useful_guesses(*sequence, std::min(room, sequence->draft_pace.next()));
    if (most == 0) continue;
    wishes_.push_back({.tokens = sequence->tokens, .state = &sequence->draft, .most = most});
    wishing_.push_back(sequence);
    room -= most;
  }
  if (wishes_.empty()) return;
  const auto begin = Clock::now();
  if (const auto guessed = parts_.draft->guess(context_, wishes_); !guessed) {
    spdlog::error("model '{}': its draft model failed and guesses no more: {}", options_.model_id,
                  guessed.error().message);
    for (const auto& [id, request] : requests_) {
      for (const auto& choice : request->choices) parts_.draft->forget(choice->draft);
    }
    parts_.draft = nullptr;
    return;
  }
  const std::chrono::duration<double> taken = Clock::now() - begin;
  const double steps = plain_step_s_ > 0.0 ? taken.count() / plain_step_s_ / static_cast<double>(wishes_.size()) : 0.0;
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    Sequence& sequence = *wishing_[i];
    const auto& guesses = wishes_[i].guesses;
    // Room was counted before any took pages for theirs.
    const auto count =
        static_cast<std::size_t>(roster_.useful_guesses(sequence, static_cast<std::int32_t>(guesses.size())));
    if (count == 0) continue;
    const float cost = kGuessCost * static_cast<float>(count) + static_cast<float>(steps);
    roster_.add_guesses(sequence, std::span(guesses).first(count), sequence.draft_pace, cost);
  }
}

base::Result<void> Scheduler::compute(std::span<Sequence* const> plan) {
  slices_.clear();
  masked_.clear();
  std::size_t rows = 0;
  std::size_t further_rows = 0;
  for (Sequence* const sequence : plan) {
    using Logits = text::SequenceSlice::Logits;
    const bool to_the_end = sequence->planned >= sequence->remaining();
    std::span<const formats::TokenId> tokens = sequence->guessed;
    if (tokens.empty()) {
      tokens = std::span(sequence->tokens)
                   .subspan(static_cast<std::size_t>(sequence->computed), static_cast<std::size_t>(sequence->planned));
    }
    slices_.push_back({.tokens = tokens,
                       .position = sequence->computed,
                       .pages = sequence->pages,
                       .logits = sequence->guesses() > 0 ? Logits::kAll
                                 : to_the_end            ? Logits::kLast
                                                         : Logits::kNone});
    if (!to_the_end) continue;
    note_masked(*sequence);
    rows += 1 + static_cast<std::size_t>(sequence->guesses());
    if (!sequence->request->forked) further_rows += sequence->request->choices.size() - 1;
  }
  const auto vocab = static_cast<std::size_t>(parts_.model.facts().vocab_size);
  try {
    if (logits_.size() < (rows + further_rows) * vocab) logits_.resize((rows + further_rows) * vocab);
    const auto find_mask = [this](std::size_t i) { find_mask_of(*masked_[i]); };
    const auto masks = parts_.team.pool().offer(masked_.size(), find_mask);
    return parts_.model.forward(context_, slices_, parts_.pool, tensor::Matrix(logits_.data(), rows, vocab));
  } catch (const std::exception& error) {
    spdlog::error("model '{}': a step failed: {}", options_.model_id, error.what());
    return base::Error{base::ErrorCode::kInternal, fmt::format("computing a step failed: {}", error.what())};
  }
}

/// Where a grammar stands does not depend on the logits: its mask is found while they are computed.
void Scheduler::note_masked(Sequence& sequence) {
  if (!sequence.matcher) return;
  masked_.push_back(&sequence);
  if (sequence.request->forked) return;
  for (const auto& choice : sequence.request->choices) {  // they draw from the same logits
    if (choice.get() != &sequence) masked_.push_back(choice.get());
  }
}

/// The matcher keeps it. What fails here fails again, and is reported, where the mask is used.
void Scheduler::find_mask_of(Sequence& sequence) {
  try {
    (void)sequence.matcher->mask();
  } catch (const std::exception& error) {
    spdlog::debug("a mask will be found later: {}", error.what());
  }
}

// One draw for each sequence whose logits were computed; all choices of a request draw their first token from the
// prompt's.
void Scheduler::prepare_draws(std::span<Sequence* const> plan) {
  draws_.clear();
  const auto vocab = static_cast<std::size_t>(parts_.model.facts().vocab_size);
  std::size_t row = 0;
  const auto take_rows = [&](std::size_t count) {
    const auto rows = std::span(logits_).subspan(row * vocab, count * vocab);
    row += count;
    return rows;
  };
  for (Sequence* const sequence : plan) {
    const bool to_the_end = sequence->planned >= sequence->remaining();
    roster_.note_computed(*sequence);
    if (!to_the_end) continue;
    draws_.push_back({.sequence = sequence, .logits = take_rows(1 + static_cast<std::size_t>(sequence->guesses()))});
  }
  const std::size_t computed = draws_.size();
  for (std::size_t i = 0; i < computed; ++i) {
    Request& request = *draws_[i].sequence->request;
    if (request.forked || request.choices.size() == 1) continue;
    roster_.fork(request);
    for (std::size_t choice = 1; choice < request.choices.size(); ++choice) {
      const auto copy = take_rows(1);
      std::copy(draws_[i].logits.begin(), draws_[i].logits.end(), copy.begin());
      draws_.push_back({.sequence = request.choices[choice].get(), .logits = copy});
    }
  }
}

void Scheduler::draw_tokens() {
  parts_.team.pool().parallel_for(draws_.size(), [&](std::size_t i) {
    Draw& draw = draws_[i];
    try {
      if (const auto drawn = draw_rows(draw); !drawn) draw.error = drawn.error().message;
    } catch (const std::exception& error) {
      draw.error = error.what();
    }
  });
}

base::Result<void> Scheduler::draw_rows(Draw& draw) const {
  Sequence& sequence = *draw.sequence;
  const std::size_t rows = 1 + static_cast<std::size_t>(sequence.guesses());
  const std::size_t vocab = draw.logits.size() / rows;
  const auto end_tokens = parts_.tokenizer.end_tokens();
  for (std::size_t row = 0; row < rows; ++row) {
    MARQUEE_ASSIGN(text::SampledToken token, draw_token(sequence, draw.logits.subspan(row * vocab, vocab)));
    const formats::TokenId id = token.id;
    draw.tokens.push_back(std::move(token));
    if (row + 1 == rows || id != sequence.guessed[row + 1]) break;
    const bool ends = std::find(end_tokens.begin(), end_tokens.end(), id) != end_tokens.end();
    if (ends || (sequence.matcher && sequence.matcher->must_end())) break;
  }
  return {};
}

base::Result<text::SampledToken> Scheduler::draw_token(Sequence& sequence, std::span<float> logits) const {
  const std::span<const formats::TokenId> forbidden =
      sequence.request->spec.ignore_eos ? parts_.tokenizer.end_tokens() : std::span<const formats::TokenId>();
  if (!sequence.matcher) return sequence.sampler.sample(logits, forbidden);
  MARQUEE_ASSIGN(const text::grammar::TokenMask allowed, sequence.matcher->mask());
  text::SampledToken token = sequence.sampler.sample(logits, forbidden, allowed);
  MARQUEE_CHECK(sequence.matcher->accept(token.id));
  return token;
}

// A step's time is shared by its sequences in proportion to their tokens.
void Scheduler::account_step(std::span<Sequence* const> plan, Clock::duration duration) {
  std::int64_t tokens = 0;
  for (const Sequence* const sequence : plan) tokens += sequence->planned;
  if (tokens == static_cast<std::int64_t>(plan.size())) {
    const double seconds = std::chrono::duration<double>(duration).count();
    plain_step_s_ = plain_step_s_ == 0.0 ? seconds : 0.9 * plain_step_s_ + 0.1 * seconds;
  }
  for (const Sequence* const sequence : plan) {
    sequence->request->usage.compute_time += duration * sequence->planned / tokens;
    ++batch_of_tenant_[sequence->request->tenant->series];
  }
  for (const auto& [series, sequences] : batch_of_tenant_) series->batch_size->Observe(sequences);
  batch_of_tenant_.clear();
  series_.batch_size->Observe(static_cast<double>(plan.size()));
  series_.step_seconds->Observe(std::chrono::duration<double>(duration).count());
}

void Scheduler::deliver(Draw& draw, Clock::time_point now) {
  Sequence& sequence = *draw.sequence;
  if (sequence.place == Sequence::Place::kFinished) return;  // another choice's failure ended the request
  if (!draw.error.empty()) {
    end_request(*sequence.request, FinishReason::kError,
                base::Error{base::ErrorCode::kInternal, fmt::format("choosing a token failed: {}", draw.error)});
    return;
  }
  if (const std::int32_t guesses = sequence.guesses(); guesses > 0) {
    const auto right = static_cast<std::int32_t>(draw.tokens.size()) - 1;
    sequence.guessed_by->note(guesses, right, sequence.guess_cost);
    series_.guessed_tokens->Increment(guesses);
    series_.right_guesses->Increment(right);
  }
  for (std::size_t i = 0; i < draw.tokens.size(); ++i) {
    if (i > 0) ++sequence.computed;  // the token before was guessed: it is in the cache
    deliver_token(sequence, std::move(draw.tokens[i]), i + 1 == draw.tokens.size(), now);
    if (sequence.place == Sequence::Place::kFinished) return;
  }
}

/// @param last of those drawn: what the matcher says holds behind it
void Scheduler::deliver_token(Sequence& sequence, text::SampledToken token, bool last, Clock::time_point now) {
  Request& request = *sequence.request;
  observe_token(sequence, now);
  const formats::TokenId id = token.id;
  const auto end_tokens = parts_.tokenizer.end_tokens();
  if (!request.spec.ignore_eos && std::find(end_tokens.begin(), end_tokens.end(), id) != end_tokens.end()) {
    end_choice(sequence, FinishReason::kStop, sequence.output.finish());
    return;
  }
  ChoiceOutput::Piece piece = sequence.output.push(std::move(token));
  const bool complete = last && sequence.matcher && sequence.matcher->must_end();
  if (piece.stopped) {
    end_choice(sequence, FinishReason::kStop, std::move(piece));
  } else if (complete || sequence.generated >= request.most_tokens) {
    ChoiceOutput::Piece rest = sequence.output.finish();
    piece.text += rest.text;
    std::move(rest.tokens.begin(), rest.tokens.end(), std::back_inserter(piece.tokens));
    end_choice(sequence, complete || rest.stopped ? FinishReason::kStop : FinishReason::kLength, std::move(piece));
  } else {
    sequence.tokens.push_back(id);
    if (piece.empty()) return;
    emit(request, {.choice = sequence.choice, .text = std::move(piece.text), .tokens = std::move(piece.tokens)});
  }
}

void Scheduler::observe_token(Sequence& sequence, Clock::time_point now) {
  Request& request = *sequence.request;
  TenantSeries& series = *request.tenant->series;
  const auto seconds_since = [now](Clock::time_point then) {
    return std::chrono::duration<double>(now - then).count();
  };
  if (request.usage.completion_tokens == 0) series.first_token_seconds->Observe(seconds_since(request.submitted));
  if (sequence.generated > 0) series.token_seconds->Observe(seconds_since(sequence.last_token));
  sequence.last_token = now;
  ++sequence.generated;
  ++request.usage.completion_tokens;
  roster_.charge_generated(*request.tenant);
}

void Scheduler::update_gauges() {
  series_.running->Set(roster_.running());
  series_.waiting->Set(static_cast<double>(new_requests_.size()));
  const tensor::KvPool& pool = parts_.pool;
  series_.kv_pages_used->Set(pool.total_pages() - pool.free_pages() - pool.idle_pages());
  if (roster_.preemptions() > seen_preemptions_) {
    series_.preemptions->Increment(static_cast<double>(roster_.preemptions() - seen_preemptions_));
    seen_preemptions_ = roster_.preemptions();
  }
  const auto now = Clock::now();
  if (!requests_.empty() && now - pages_counted_ < kPageCountInterval) return;
  pages_counted_ = now;
  for (const auto& [series, pages] : roster_.pages_used()) series->kv_pages_used->Set(pages);
  update_cache_gauges();
}

void Scheduler::update_cache_gauges() {
  const PrefixCache& cache = roster_.prefix_cache();
  series_.cached_pages_idle->Set(parts_.pool.idle_pages());
  series_.cache_evictions->Increment(static_cast<double>(cache.evictions() - seen_evictions_));
  seen_evictions_ = cache.evictions();
  for (auto& [series, pages] : cached_pages_) pages = 0;
  for (const auto& [tenant, pages] : cache.pages_by_tenant()) {
    cached_pages_[&parts_.metrics.tenant(options_.model_id, tenant)] += pages;
  }
  for (const auto& [series, pages] : cached_pages_) series->cached_pages->Set(pages);
}

void Scheduler::end_choice(Sequence& sequence, FinishReason reason, ChoiceOutput::Piece piece,
                           const std::optional<base::Error>& error) {
  Request& request = *sequence.request;
  roster_.finish(sequence);
  if (parts_.draft != nullptr) parts_.draft->forget(sequence.draft);
  GenerationEvent event{.choice = sequence.choice, .text = std::move(piece.text), .tokens = std::move(piece.tokens)};
  event.finish = reason;
  event.error = error;
  const bool last = --request.unfinished == 0;
  if (last) {
    if (!request.admitted) request.usage.queue_time = Clock::now() - request.submitted;
    event.usage = request.usage;
  }
  emit(request, std::move(event));
  if (last) close_request(request, reason);
}

void Scheduler::end_request(Request& request, FinishReason reason, const std::optional<base::Error>& error) {
  for (const auto& choice : request.choices) {
    if (choice->place == Sequence::Place::kFinished) continue;
    end_choice(*choice, reason, choice->output.finish(), error);
  }
}

void Scheduler::close_request(Request& request, FinishReason reason) {
  TenantSeries& series = *request.tenant->series;
  series.requests[static_cast<std::size_t>(reason)]->Increment();
  series.prompt_tokens->Increment(static_cast<double>(request.usage.prompt_tokens));
  if (roster_.prefix_cache().enabled()) {
    series.cache_lookup_tokens->Increment(static_cast<double>(request.usage.prompt_tokens));
    series.cache_hit_tokens->Increment(static_cast<double>(request.usage.cached_tokens));
  }
  series.completion_tokens->Increment(static_cast<double>(request.usage.completion_tokens));
  if (request.admitted) {
    const double seconds = std::chrono::duration<double>(Clock::now() - *request.admitted).count();
    const double before = service_seconds_.load(std::memory_order_relaxed);
    service_seconds_.store(before == 0.0 ? seconds : 0.8 * before + 0.2 * seconds, std::memory_order_relaxed);
  } else {
    leave_queue(request.spec.tenant);
    std::erase(new_requests_, &request);
  }
  if (roster_.forget(request)) series.kv_pages_used->Set(0);
  request.tenant = nullptr;
  request.sink.reset();
  const auto owner = requests_.find(request.id);
  closed_.push_back(std::move(owner->second));
  requests_.erase(owner);
  active_.fetch_sub(1, std::memory_order_release);
}

// What a sink throws must not reach the other requests: it is cancelled before the next step.
void Scheduler::emit(Request& request, GenerationEvent event) {
  try {
    request.sink->on_event(std::move(event));
  } catch (const std::exception& error) {
    spdlog::error("model '{}': a request's sink failed: {}", options_.model_id, error.what());
    cancelled_.push_back(request.id);
  }
}

void Scheduler::fail_all(const base::Error& error) {
  std::vector<Request*> all;
  for (const auto& [id, request] : requests_) all.push_back(request.get());
  for (Request* const request : all) end_request(*request, FinishReason::kError, error);
}

}  // namespace marquee::serving
