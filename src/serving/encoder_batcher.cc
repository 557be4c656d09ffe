#include "serving/encoder_batcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace marquee::serving {
namespace {

// A tenant's turn: about one text.
constexpr std::int64_t kTurnTokens = 512;
// Idle tenants are forgotten, debts too, when there are more than this.
constexpr std::size_t kMostIdleTenants = 1000;
// What the texts of all waiting requests may hold: 64 MiB.
constexpr std::int64_t kMostQueuedTokens = std::int64_t{1} << 24U;
constexpr double kNewRateWeight = 0.2;

std::int64_t tokens_of(const EncodingRequest& request) {
  std::int64_t tokens = 0;
  for (const EncodingText& text : request.texts) tokens += static_cast<std::int64_t>(text.tokens.size());
  return tokens;
}

std::size_t outcome_of(const std::optional<base::Error>& error) {
  if (!error) return static_cast<std::size_t>(FinishReason::kStop);
  if (error->code == base::ErrorCode::kCancelled) return static_cast<std::size_t>(FinishReason::kCancelled);
  if (error->code == base::ErrorCode::kDeadlineExceeded) return static_cast<std::size_t>(FinishReason::kDeadline);
  return static_cast<std::size_t>(FinishReason::kError);
}

base::Error deadline_error() {
  return {base::ErrorCode::kDeadlineExceeded, "the texts were not computed before 'timeout_ms' was over", "timeout_ms"};
}

}  // namespace

EncoderBatcher::EncoderBatcher(text::EncoderModel& model, ComputeTeam& team, Metrics& metrics,
                               EncoderBatcherOptions options)
    : model_(model),
      team_(team),
      metrics_(metrics),
      options_(std::move(options)),
      series_(metrics.model(options_.model_id)),
      turns_(kTurnTokens),
      context_{team.pool()} {
  thread_ = std::thread([this] { run(); });
}

EncoderBatcher::~EncoderBatcher() { stop(); }

void EncoderBatcher::stop() {
  const std::lock_guard stop_lock(stop_mutex_);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EncoderBatcher::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

base::Error EncoderBatcher::unavailable() const {
  return {base::ErrorCode::kUnavailable,
          fmt::format("model '{}' is being unloaded or the server is stopping", options_.model_id)};
}

std::size_t EncoderBatcher::width() const {
  return facts().labels.empty() ? static_cast<std::size_t>(facts().hidden) : facts().labels.size();
}

/// A text that the model refuses would fail the whole batch.
base::Result<void> EncoderBatcher::check(const EncodingRequest& request) const {
  if (request.texts.empty()) return base::invalid_argument("a request needs at least one text");
  for (std::size_t i = 0; i < request.texts.size(); ++i) {
    const auto& tokens = request.texts[i].tokens;
    if (tokens.empty() || tokens.size() > static_cast<std::size_t>(facts().context_length)) {
      return base::invalid_argument(fmt::format("text {} has {} tokens; model '{}' takes 1 to {}", i, tokens.size(),
                                                options_.model_id, facts().context_length));
    }
    const bool known = std::all_of(tokens.begin(), tokens.end(),
                                   [&](formats::TokenId id) { return id >= 0 && id < facts().vocab_size; });
    if (!known) return base::invalid_argument(fmt::format("text {} holds ids outside the vocabulary", i));
    if (request.texts[i].second_from < tokens.size() && facts().token_types < 2) {
      return base::invalid_argument(fmt::format("text {} has a second type of tokens, which the model lacks", i));
    }
  }
  if (request.deadline && *request.deadline <= Clock::now()) return deadline_error();
  return {};
}

base::Result<std::uint64_t> EncoderBatcher::encode(EncodingRequest request, EncodingDone done) {
  MARQUEE_CHECK(check(request));
  auto job = std::make_unique<Job>();
  const std::int64_t tokens = tokens_of(request);
  job->outcome.width = width();
  job->outcome.values.resize(request.texts.size() * width());
  job->request = std::move(request);
  job->done = std::move(done);
  job->submitted = Clock::now();
  const std::string tenant = job->request.tenant;
  auto id = post(std::move(job), tokens);
  if (!id) metrics_.tenant(options_.model_id, tenant).requests[kRejectedOutcome]->Increment();
  return id;
}

base::Result<std::uint64_t> EncoderBatcher::post(std::unique_ptr<Job> job, std::int64_t tokens) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || draining_) return unavailable();
    // A quarter more than the queue holds is kept for tenants that have nothing in it.
    const auto most = static_cast<std::size_t>(options_.max_queued_requests);
    const auto own = tenants_.find(job->request.tenant);
    const bool has_none = own == tenants_.end() || own->second.jobs.empty();
    const bool too_many_tokens = queued_tokens_ > 0 && queued_tokens_ + tokens > kMostQueuedTokens;
    if (jobs_.size() >= most + (has_none ? most / 4 : 0) || too_many_tokens) {
      return base::Error{base::ErrorCode::kResourceExhausted,
                         fmt::format("the queue of model '{}' is full; try again later", options_.model_id)};
    }
    const auto [tenant, is_new] = tenants_.try_emplace(job->request.tenant);
    if (is_new) turns_.add(tenant->second);
    id = job->id = ++last_id_;
    tenant->second.jobs.push_back(job.get());
    jobs_.emplace(id, std::move(job));
    queued_tokens_ += tokens;
    active_.fetch_add(1, std::memory_order_relaxed);
  }
  series_.waiting->Increment();
  changed_.notify_one();
  return id;
}

void EncoderBatcher::stop_encoding(std::uint64_t request) {
  const std::lock_guard lock(mutex_);
  if (const auto found = jobs_.find(request); found != jobs_.end()) found->second->cancelled = true;
}

std::chrono::seconds EncoderBatcher::expected_wait() const {
  std::int64_t tokens = 0;
  {
    const std::lock_guard lock(mutex_);
    tokens = queued_tokens_;
  }
  const double rate = std::max(1.0, tokens_per_second_.load(std::memory_order_relaxed));
  return std::chrono::seconds(static_cast<std::int64_t>(std::clamp(static_cast<double>(tokens) / rate, 1.0, 600.0)));
}

void EncoderBatcher::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) break;
    }
    run_batch();
  }
  Ended ended;
  {
    const std::lock_guard lock(mutex_);
    while (!jobs_.empty()) end(*jobs_.begin()->second, unavailable(), ended);
  }
  deliver(ended);
}

void EncoderBatcher::run_batch() {
  Ended ended;
  {
    auto turn = team_.take_turn();  // what comes while others compute joins this batch
    {
      const std::lock_guard lock(mutex_);
      end_refused(Clock::now(), ended);
      take_batch();
    }
    compute();
  }
  {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : batch_) {
      Job& job = *entry.job;
      if (job.computed == job.request.texts.size() || job.outcome.error) end(job, job.outcome.error, ended);
    }
  }
  deliver(ended);
}

/// Ends what was cancelled and what is too late. No text of those is in a batch.
void EncoderBatcher::end_refused(Clock::time_point now, Ended& ended) {
  std::vector<std::pair<Job*, base::Error>> refused;
  for (auto& [id, job] : jobs_) {
    if (job->cancelled) {
      refused.emplace_back(job.get(), base::Error{base::ErrorCode::kCancelled, "the request was cancelled"});
    } else if (job->request.deadline && *job->request.deadline <= now) {
      refused.emplace_back(job.get(), deadline_error());
    }
  }
  for (auto& [job, error] : refused) end(*job, std::move(error), ended);
}

void EncoderBatcher::take_batch() {
  batch_.clear();
  batch_tokens_ = 0;
  const auto now = Clock::now();
  while (auto* account = turns_.pick([](const auto& one) { return !static_cast<const Tenant&>(one).jobs.empty(); })) {
    auto& tenant = static_cast<Tenant&>(*account);
    Job& job = *tenant.jobs.front();
    const auto tokens = static_cast<std::int64_t>(job.request.texts[job.next_text].tokens.size());
    if (!batch_.empty() && batch_tokens_ + tokens > options_.max_batch_tokens) break;
    if (job.next_text == 0) {
      job.outcome.usage.queue_time = now - job.submitted;
      series_.waiting->Decrement();
    }
    batch_.push_back({&job, job.next_text++});
    batch_tokens_ += tokens;
    queued_tokens_ -= tokens;
    account->charge(tokens);
    if (job.next_text == job.request.texts.size()) tenant.jobs.pop_front();
  }
  std::stable_sort(batch_.begin(), batch_.end(), [](const Entry& a, const Entry& b) {
    return a.job->request.texts[a.text].tokens.size() > b.job->request.texts[b.text].tokens.size();
  });
}

void EncoderBatcher::compute() {
  if (batch_.empty()) return;
  texts_.clear();
  for (const Entry& entry : batch_) {
    const EncodingText& text = entry.job->request.texts[entry.text];
    texts_.push_back({text.tokens, text.second_from});
  }
  const auto texts = static_cast<double>(batch_.size());
  series_.running->Increment(texts);
  series_.batch_size->Observe(texts);
  const auto begin = Clock::now();
  base::Result<void> result;
  try {
    result = run_model();
  } catch (const std::exception& error) {
    result = base::Error{base::ErrorCode::kInternal, fmt::format("the batch failed: {}", error.what())};
  }
  const auto duration = Clock::now() - begin;
  series_.running->Decrement(texts);
  series_.step_seconds->Observe(std::chrono::duration<double>(duration).count());
  account(duration);
  if (result) return hand_out_rows();
  spdlog::error("model '{}': {}", options_.model_id, result.error().message);
  for (const Entry& entry : batch_) entry.job->outcome.error = result.error();
}

base::Result<void> EncoderBatcher::run_model() {
  values_.resize(std::max(values_.size(), batch_.size() * width()));
  const tensor::Matrix result(values_.data(), batch_.size(), width());
  return facts().labels.empty() ? model_.embed(context_, texts_, result) : model_.classify(context_, texts_, result);
}

void EncoderBatcher::hand_out_rows() {
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    Job& job = *batch_[i].job;
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(i * width()), width(),
                job.outcome.values.begin() + static_cast<std::ptrdiff_t>(batch_[i].text * width()));
    ++job.computed;
  }
}

/// Each text bears its tokens' part of the time.
void EncoderBatcher::account(Clock::duration duration) {
  for (const Entry& entry : batch_) {
    const auto tokens = static_cast<std::int64_t>(entry.job->request.texts[entry.text].tokens.size());
    entry.job->outcome.usage.prompt_tokens += tokens;
    entry.job->outcome.usage.compute_time += duration * tokens / batch_tokens_;
  }
  const double seconds = std::max(1e-6, std::chrono::duration<double>(duration).count());
  const double rate = static_cast<double>(batch_tokens_) / seconds;
  const double before = tokens_per_second_.load(std::memory_order_relaxed);
  tokens_per_second_.store(before == 0.0 ? rate : before + kNewRateWeight * (rate - before), std::memory_order_relaxed);
}

/// Takes a job out of all queues. With the lock held; does nothing to one that has ended.
void EncoderBatcher::end(Job& job, std::optional<base::Error> error, Ended& ended) {
  const auto is_it = [&](const std::unique_ptr<Job>& one) { return one.get() == &job; };
  if (std::any_of(ended.begin(), ended.end(), is_it)) return;
  const auto tenant = tenants_.find(job.request.tenant);
  std::erase(tenant->second.jobs, &job);
  for (std::size_t i = job.next_text; i < job.request.texts.size(); ++i) {
    queued_tokens_ -= static_cast<std::int64_t>(job.request.texts[i].tokens.size());
  }
  if (job.next_text == 0) series_.waiting->Decrement();
  if (tenant->second.jobs.empty() && tenants_.size() > kMostIdleTenants) {
    turns_.remove(tenant->second);
    tenants_.erase(tenant);
  }
  job.outcome.error = std::move(error);
  const auto held = jobs_.find(job.id);
  ended.push_back(std::move(held->second));
  jobs_.erase(held);
}

void EncoderBatcher::deliver(Ended& ended) {
  for (auto& job : ended) {
    TenantSeries& series = metrics_.tenant(options_.model_id, job->request.tenant);
    series.requests[outcome_of(job->outcome.error)]->Increment();
    series.prompt_tokens->Increment(static_cast<double>(job->outcome.usage.prompt_tokens));
    series.queue_seconds->Observe(std::chrono::duration<double>(job->outcome.usage.queue_time).count());
    try {
      job->done(std::move(job->outcome));
    } catch (const std::exception& error) {
      spdlog::error("model '{}': an answer failed: {}", options_.model_id, error.what());
    }
    job.reset();
    active_.fetch_sub(1, std::memory_order_release);
  }
  ended.clear();
}

}  // namespace marquee::serving
