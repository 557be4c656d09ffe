#include "serving/fake_model_test.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "serving/choice_output.h"
#include "text/grammar/matcher.h"
#include "text/stop_matcher.h"

namespace marquee::serving::testing {
namespace {

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33U;
  x *= 0xFF51AFD7ED558CCDU;
  x ^= x >> 33U;
  x *= 0xC4CEB9FE1A85EC53U;
  return x ^ (x >> 33U);
}

std::uint64_t extend(std::uint64_t history, TokenId id) {
  return mix(history * 31 + static_cast<std::uint64_t>(id) + 7);
}

void logits_of(std::uint64_t history, std::span<float> logits) {
  for (std::size_t id = 0; id < logits.size(); ++id) {
    logits[id] = static_cast<float>(mix(history + id * 0x9E3779B97F4A7C15U) % 100'000U) / 12'500.0F;
  }
  logits[kFakeEnd] -= 5.0F;
}

std::size_t wanted_rows(const text::SequenceSlice& slice) {
  if (slice.logits == text::SequenceSlice::Logits::kAll) return slice.tokens.size();
  return slice.logits == text::SequenceSlice::Logits::kLast ? 1 : 0;
}

float* cell(std::byte* page, std::int32_t position) {
  return reinterpret_cast<float*>(page) + position % tensor::kKvPageTokens;
}

}  // namespace

FakeTokenizer::FakeTokenizer() {
  pieces_ = {"</s>", "<x>"};
  for (char letter = 'a'; letter <= 'z'; ++letter) pieces_.emplace_back(1, letter);
  for (const char* piece : {" ", "\xC3", "\xA9", "\xC3\xB6", "the", "ab", "bc", " end", "STOP", "ST"}) {
    pieces_.emplace_back(piece);
  }
  while (pieces_.size() < static_cast<std::size_t>(kFakeVocab)) {
    pieces_.push_back("<" + std::to_string(pieces_.size()) + ">");
  }
}

std::vector<TokenId> FakeTokenizer::encode(std::string_view text, formats::EncodeOptions /*options*/) const {
  std::vector<TokenId> ids;
  for (const char letter : text) ids.push_back(find(std::string_view(&letter, 1)).value_or(1));
  return ids;
}

std::string FakeTokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string text;
  for (const TokenId id : ids) {
    if (!(skip_special && is_special(id))) text += token_bytes(id);
  }
  return text;
}

std::string_view FakeTokenizer::token_bytes(TokenId id) const {
  return id < 0 || id >= kFakeVocab ? std::string_view() : pieces_[static_cast<std::size_t>(id)];
}

std::optional<TokenId> FakeTokenizer::find(std::string_view token) const {
  const auto found = std::find(pieces_.begin(), pieces_.end(), token);
  if (found == pieces_.end()) return std::nullopt;
  return static_cast<TokenId>(found - pieces_.begin());
}

FakeModel::FakeModel(std::int32_t context_length) {
  facts_.architecture = "fake";
  facts_.vocab_size = kFakeVocab;
  facts_.context_length = context_length;
  facts_.parameters = 1;
  facts_.resident_bytes = 1'000'000;
  facts_.kv = {.layers = 1, .kv_heads = 1, .head_dim = 1, .dtype = kernels::DType::kF32};
}

void FakeModel::logits_after(std::span<const TokenId> history, std::span<float> logits) {
  std::uint64_t hash = 1;
  for (const TokenId id : history) hash = extend(hash, id);
  logits_of(hash, logits);
}

base::Result<void> FakeModel::forward(tensor::ComputeContext& /*context*/, std::span<const text::SequenceSlice> slices,
                                      tensor::KvPool& cache, tensor::Matrix logits) {
  Step step;
  std::size_t rows = 0;
  for (const auto& slice : slices) {
    const std::size_t wanted = wanted_rows(slice);
    step.push_back({slice.position, static_cast<std::int32_t>(slice.tokens.size()), wanted > 0, slice.tokens.front()});
    rows += wanted;
  }
  Hook hook;
  {
    const std::lock_guard lock(mutex_);
    steps_.push_back(step);
    hook = hook_;
  }
  if (hook) MARQUEE_CHECK(hook(step));
  if (rows != logits.rows) complain("the matrix has not as many rows as the slices want");
  std::size_t row = 0;
  for (const auto& slice : slices) {
    compute(slice, cache, logits.slice_rows(row, wanted_rows(slice)));
    row += wanted_rows(slice);
  }
  return {};
}

void FakeModel::compute(const text::SequenceSlice& slice, tensor::KvPool& cache, tensor::Matrix logits) {
  const auto end = slice.position + static_cast<std::int32_t>(slice.tokens.size());
  if (end > facts_.context_length) complain("a position past the context");
  if (static_cast<std::int32_t>(slice.pages.size()) * tensor::kKvPageTokens < end) return complain("too few pages");
  const auto page_of = [&](std::int32_t position) {
    return slice.pages[static_cast<std::size_t>(position / tensor::kKvPageTokens)];
  };
  for (std::int32_t position = slice.position; position < end; ++position) {
    if (cache.references(page_of(position)) != 1) complain("a shared or free page is written");
    const TokenId id = slice.tokens[static_cast<std::size_t>(position - slice.position)];
    *cell(cache.keys(page_of(position), 0, 0), position) = static_cast<float>(id);
    *cell(cache.values(page_of(position), 0, 0), position) = static_cast<float>(position);
  }
  std::uint64_t hash = 1;
  for (std::int32_t position = 0; position < end; ++position) {
    if (*cell(cache.values(page_of(position), 0, 0), position) != static_cast<float>(position)) {
      complain("a position is missing in the cache");
    }
    hash = extend(hash, static_cast<TokenId>(*cell(cache.keys(page_of(position), 0, 0), position)));
    const auto rows = static_cast<std::int32_t>(logits.rows);
    if (position < end - rows) continue;
    logits_of(hash, std::span(logits.row(static_cast<std::size_t>(position - (end - rows))), logits.cols));
  }
}

void FakeModel::complain(std::string what) {
  const std::lock_guard lock(mutex_);
  complaints_.push_back(std::move(what));
}

void FakeModel::set_hook(Hook hook) {
  const std::lock_guard lock(mutex_);
  hook_ = std::move(hook);
}

std::vector<FakeModel::Step> FakeModel::steps() const {
  const std::lock_guard lock(mutex_);
  return steps_;
}

std::size_t FakeModel::step_count() const {
  const std::lock_guard lock(mutex_);
  return steps_.size();
}

std::vector<std::string> FakeModel::complaints() const {
  const std::lock_guard lock(mutex_);
  return complaints_;
}

void CollectingSink::on_event(GenerationEvent event) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) violations_.emplace_back("an event after the last one");
    auto finished = finished_.begin() + event.choice;
    if (*finished) violations_.emplace_back("an event after the choice's last one");
    if (event.finish) *finished = true;
    if (event.usage && !event.finish) violations_.emplace_back("usage without an end");
    if (!event.finish && event.text.empty() && event.tokens.empty()) violations_.emplace_back("an empty event");
    ended_ = ended_ || event.usage.has_value();
    events_.push_back(event);
  }
  // Only when the callback is over, also by an exception: who waits may then take away what it refers to.
  struct Announcement {
    ~Announcement() {
      {
        const std::lock_guard lock(sink.mutex_);
        sink.done_ = sink.ended_;
      }
      sink.changed_.notify_all();
    }
    CollectingSink& sink;
  } const announcement{*this};
  if (on_each_) on_each_(event);
}

bool CollectingSink::wait() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::minutes(1), [this] { return done_; });
}

bool CollectingSink::done() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

std::string CollectingSink::text(std::int32_t choice) const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& event : events_) {
    if (event.choice == choice) text += event.text;
  }
  return text;
}

std::optional<FinishReason> CollectingSink::finish(std::int32_t choice) const {
  const std::lock_guard lock(mutex_);
  for (const auto& event : events_) {
    if (event.choice == choice && event.finish) return event.finish;
  }
  return std::nullopt;
}

Usage CollectingSink::usage() const {
  const std::lock_guard lock(mutex_);
  return events_.empty() ? Usage() : events_.back().usage.value_or(Usage());
}

std::optional<base::Error> CollectingSink::error() const {
  const std::lock_guard lock(mutex_);
  for (const auto& event : events_) {
    if (event.error) return event.error;
  }
  return std::nullopt;
}

std::vector<GenerationEvent> CollectingSink::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

std::vector<std::string> CollectingSink::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

base::Result<void> StepGate::pass() {
  std::unique_lock lock(mutex_);
  ++held_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return open_ || permits_ > 0; });
  --held_;
  if (!open_) --permits_;
  return {};
}

void StepGate::wait_until_held() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return held_ > 0 && permits_ == 0; });
}

void StepGate::let_one_pass() {
  {
    const std::lock_guard lock(mutex_);
    ++permits_;
  }
  changed_.notify_all();
}

void StepGate::open() {
  {
    const std::lock_guard lock(mutex_);
    open_ = true;
  }
  changed_.notify_all();
}

ReferenceAnswer reference_answer(const GenerationRequest& request, std::int32_t choice, std::int32_t context_length) {
  static const FakeTokenizer tokenizer;
  std::vector<TokenId> history = request.prompt;
  text::Sampler sampler(request.sampling, static_cast<std::uint32_t>(choice), request.prompt);
  formats::StreamingDetokenizer detokenizer(tokenizer);
  std::string all;
  std::optional<text::grammar::Matcher> matcher;
  if (request.grammar)
    matcher.emplace(request.grammar, text::grammar::MatcherOptions{.end_tokens = !request.ignore_eos});
  ReferenceAnswer answer;
  std::vector<float> logits(static_cast<std::size_t>(kFakeVocab));
  const auto stop_at = [&] {
    std::size_t found = std::string::npos;
    for (const auto& stop : request.stop) found = std::min(found, all.find(stop));
    return found;
  };
  for (;;) {
    FakeModel::logits_after(history, logits);
    const auto forbidden = request.ignore_eos ? tokenizer.end_tokens() : std::span<const TokenId>();
    const TokenId id =
        sampler.sample(logits, forbidden, matcher ? matcher->mask().value() : text::grammar::TokenMask()).id;
    if (matcher && !matcher->accept(id)) return {"the grammar refused its own token", FinishReason::kError, 0};
    ++answer.tokens;
    const bool ended = id == kFakeEnd && !request.ignore_eos;
    if (!ended) all += detokenizer.push(id);
    history.push_back(id);
    const bool full =
        answer.tokens == request.max_tokens || static_cast<std::int32_t>(history.size()) == context_length;
    const bool complete = matcher && !ended && matcher->must_end();
    if (ended || ((full || complete) && stop_at() == std::string::npos)) all += detokenizer.finish();
    const bool stopped = stop_at() != std::string::npos;
    if (!ended && !full && !stopped && !complete) continue;
    answer.text = all.substr(0, stop_at());
    answer.finish = ended || stopped || complete ? FinishReason::kStop : FinishReason::kLength;
    return answer;
  }
}

GenerationRequest make_request(std::int32_t prompt_tokens, std::int32_t max_tokens, std::uint64_t variant) {
  GenerationRequest request;
  request.tenant = "studio";
  request.max_tokens = max_tokens;
  request.sampling.seed = variant;
  for (std::int32_t i = 0; i < prompt_tokens; ++i) {
    const std::uint64_t word = mix(variant * 1000 + static_cast<std::uint64_t>(i) + 1);
    request.prompt.push_back(static_cast<TokenId>(2 + word % (kFakeVocab - 2)));
  }
  return request;
}

}  // namespace marquee::serving::testing
