#pragma once
// A language model and a tokenizer for the tests of the engine. The model's logits are a hash of the sequence's tokens,
// which it keeps in the KV pages and reads back from there: wrong, stale or shared pages change what it says.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "formats/tokenizer.h"
#include "serving/generation.h"
#include "tensor/kv_cache.h"
#include "text/language_model.h"

namespace marquee::serving::testing {

using formats::TokenId;

constexpr std::int32_t kFakeVocab = 48;
constexpr TokenId kFakeEnd = 0;

/// Letters, spaces, and halves of two-byte characters; id 0 ends a text, id 1 is another special token.
class FakeTokenizer final : public formats::Tokenizer {
 public:
  FakeTokenizer();
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text, formats::EncodeOptions options) const override;
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool skip_special) const override;
  [[nodiscard]] std::string_view token_bytes(TokenId id) const override;
  [[nodiscard]] std::int32_t vocab_size() const override { return kFakeVocab; }
  [[nodiscard]] bool is_special(TokenId id) const override { return id == 0 || id == 1; }
  [[nodiscard]] std::optional<TokenId> find(std::string_view token) const override;
  [[nodiscard]] std::optional<TokenId> bos() const override { return std::nullopt; }
  [[nodiscard]] std::optional<TokenId> eos() const override { return kFakeEnd; }
  [[nodiscard]] std::span<const TokenId> end_tokens() const override { return end_tokens_; }

 private:
  std::vector<std::string> pieces_;
  std::vector<TokenId> end_tokens_{kFakeEnd};
};

class FakeModel final : public text::LanguageModel {
 public:
  struct Slice {
    std::int32_t position = 0;
    std::int32_t tokens = 0;
    bool wants_logits = false;
    TokenId first = 0;  ///< the first token: tests mark requests by the prompt's tokens
  };
  using Step = std::vector<Slice>;
  /// Called in each step before anything is computed; an error fails the step, and it may throw.
  using Hook = std::function<base::Result<void>(const Step&)>;

  explicit FakeModel(std::int32_t context_length = 256);
  [[nodiscard]] const text::ModelFacts& facts() const override { return facts_; }
  base::Result<void> forward(tensor::ComputeContext& context, std::span<const text::SequenceSlice> slices,
                             tensor::KvPool& cache, tensor::Matrix logits) override;

  /// What comes after `history`.
  static void logits_after(std::span<const TokenId> history, std::span<float> logits);

  void set_hook(Hook hook);
  [[nodiscard]] std::vector<Step> steps() const;
  [[nodiscard]] std::size_t step_count() const;
  /// Mistakes the scheduler made: writing a shared page, missing positions.
  [[nodiscard]] std::vector<std::string> complaints() const;

 private:
  void compute(const text::SequenceSlice& slice, tensor::KvPool& cache, tensor::Matrix logits);
  void complain(std::string what);

  text::ModelFacts facts_;
  mutable std::mutex mutex_;
  Hook hook_;
  std::vector<Step> steps_;
  std::vector<std::string> complaints_;
};

/// Keeps a request's events and checks the order in which they come.
class CollectingSink final : public GenerationSink {
 public:
  explicit CollectingSink(std::function<void(const GenerationEvent&)> on_each = {}) : on_each_(std::move(on_each)) {}
  void on_event(GenerationEvent event) override;
  [[nodiscard]] bool ready() const override { return ready_.load(); }
  void set_ready(bool ready) { ready_.store(ready); }

  /// Blocks until the last event, a minute at most.
  bool wait();
  [[nodiscard]] bool done() const;
  [[nodiscard]] std::string text(std::int32_t choice = 0) const;
  [[nodiscard]] std::optional<FinishReason> finish(std::int32_t choice = 0) const;
  [[nodiscard]] Usage usage() const;
  [[nodiscard]] std::optional<base::Error> error() const;
  [[nodiscard]] std::vector<GenerationEvent> events() const;
  /// Events after a choice's or the request's last one, or a second usage.
  [[nodiscard]] std::vector<std::string> violations() const;

 private:
  std::function<void(const GenerationEvent&)> on_each_;
  std::atomic<bool> ready_{true};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<GenerationEvent> events_;
  std::vector<bool> finished_ = std::vector<bool>(16, false);
  std::vector<std::string> violations_;
  bool ended_ = false;  ///< the last event has come
  bool done_ = false;   ///< and its callback is over
};

/// Lets a test hold the scheduler inside a step.
class StepGate {
 public:
  /// For FakeModel::set_hook: blocks while closed.
  base::Result<void> pass();
  /// Until the scheduler stands at the closed gate.
  void wait_until_held();
  void let_one_pass();
  void open();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int permits_ = 0;
  int held_ = 0;
};

/// The answer of one choice, generated without any scheduler.
struct ReferenceAnswer {
  std::string text;
  FinishReason finish = FinishReason::kStop;
  std::int64_t tokens = 0;
};
ReferenceAnswer reference_answer(const GenerationRequest& request, std::int32_t choice, std::int32_t context_length);

/// A request with a prompt of `prompt_tokens` tokens that `variant` makes.
GenerationRequest make_request(std::int32_t prompt_tokens, std::int32_t max_tokens, std::uint64_t variant = 0);

}  // namespace marquee::serving::testing
