#pragma once
// An encoder for the tests of what serves it: a text's vector is its number of tokens, the sum of its ids, where its
// second part begins, and a 1.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "text/encoder_model.h"

namespace marquee::serving::testing {

constexpr std::int32_t kFakeEncoderWidth = 4;
constexpr std::int32_t kFakeEncoderContext = 64;

class FakeEncoder final : public text::EncoderModel {
 public:
  using Batch = std::vector<std::size_t>;  ///< each text's tokens
  /// Called before anything is computed; an error fails the batch, and it may throw.
  using Hook = std::function<base::Result<void>(const Batch&)>;

  explicit FakeEncoder(std::int32_t vocabulary, std::vector<std::string> labels = {}) {
    facts_.architecture = "fake";
    facts_.vocab_size = vocabulary;
    facts_.context_length = kFakeEncoderContext;
    facts_.hidden = kFakeEncoderWidth;
    facts_.token_types = 2;
    facts_.resident_bytes = 1'000'000;
    facts_.labels = std::move(labels);
  }
  [[nodiscard]] const text::EncoderFacts& facts() const override { return facts_; }
  base::Result<void> encode(tensor::ComputeContext& /*context*/, std::span<const text::EncoderText> /*texts*/,
                            tensor::Matrix /*hidden*/) override {
    return base::Error{base::ErrorCode::kInternal, "nobody asks for states"};
  }
  base::Result<void> embed(tensor::ComputeContext& /*context*/, std::span<const text::EncoderText> texts,
                           tensor::Matrix vectors) override {
    return compute(texts, vectors);
  }
  base::Result<void> classify(tensor::ComputeContext& /*context*/, std::span<const text::EncoderText> texts,
                              tensor::Matrix logits) override {
    return compute(texts, logits);
  }

  static std::vector<float> vector_of(const text::EncoderText& text) {
    float sum = 0.0F;
    for (const auto id : text.tokens) sum += static_cast<float>(id);
    const std::size_t second = std::min(text.second_from, text.tokens.size());
    return {static_cast<float>(text.tokens.size()), sum, static_cast<float>(second), 1.0F};
  }

  void set_hook(Hook hook) {
    const std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
  }
  [[nodiscard]] std::vector<Batch> batches() const {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  base::Result<void> compute(std::span<const text::EncoderText> texts, tensor::Matrix out) {
    Batch batch;
    for (const auto& text : texts) batch.push_back(text.tokens.size());
    Hook hook;
    {
      const std::lock_guard lock(mutex_);
      batches_.push_back(batch);
      hook = hook_;
    }
    if (hook) MARQUEE_CHECK(hook(batch));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto vector = vector_of(texts[i]);
      std::copy_n(vector.begin(), std::min(vector.size(), out.cols), out.row(i));
    }
    return {};
  }

  text::EncoderFacts facts_;
  mutable std::mutex mutex_;
  Hook hook_;
  std::vector<Batch> batches_;
};

}  // namespace marquee::serving::testing
