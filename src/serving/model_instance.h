#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "serving/compute_team.h"
#include "serving/draft_model.h"
#include "serving/engine.h"
#include "serving/grammar_cache.h"
#include "serving/metrics.h"
#include "serving/model_identity.h"
#include "serving/model_loader.h"
#include "serving/scheduler.h"
#include "serving/served_model.h"
#include "tensor/kv_cache.h"

namespace marquee::serving {

/// A model in memory with its cache and its scheduler. Keeps what it computes with alive, so that a handle may outlive
/// the engine; it then refuses requests.
class ModelInstance final : public ServedModel {
 public:
  struct Setup {
    ModelParts parts;
    std::int32_t kv_pages = 0;
    SchedulerOptions scheduler;
    std::shared_ptr<ComputeTeam> team;
    std::shared_ptr<Metrics> metrics;
    std::unique_ptr<ModelIdentity> identity;  ///< made before the model was loaded
    std::optional<ModelParts> draft;          ///< a model that guesses for this one
    std::int32_t draft_pages = 0;
  };
  /// @error kResourceExhausted without address space for the cache; kInvalidArgument for a bad layout
  static base::Result<std::shared_ptr<ModelInstance>> create(Setup setup);

  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] const formats::Tokenizer& tokenizer() const override { return *parts_.tokenizer; }
  [[nodiscard]] const text::ChatTemplate* chat_template() const override {
    return parts_.chat_template ? &*parts_.chat_template : nullptr;
  }
  [[nodiscard]] const text::ModelFacts& facts() const override { return parts_.model->facts(); }
  [[nodiscard]] std::int32_t context_length() const override { return context_length_; }
  base::Result<std::shared_ptr<const text::grammar::TokenGrammar>> grammar(
      const text::grammar::Source& source) override {
    return grammars_.get(source);
  }
  base::Result<std::uint64_t> submit(GenerationRequest request, std::shared_ptr<GenerationSink> sink) override {
    return scheduler_->submit(std::move(request), std::move(sink));
  }
  void cancel(std::uint64_t request) override { scheduler_->cancel(request); }
  void wake() override { scheduler_->wake(); }
  [[nodiscard]] std::chrono::seconds expected_wait() const override { return scheduler_->expected_wait(); }

  [[nodiscard]] tensor::ActivationType activations() const { return activations_; }
  [[nodiscard]] ModelIdentity& identity() { return *identity_; }
  /// See Scheduler.
  base::Result<void> with_prefix_cache(const std::function<void(PrefixCache&)>& visit) {
    return scheduler_->with_prefix_cache(visit);
  }

  /// Weights and cache, the draft model's too.
  [[nodiscard]] std::uint64_t resident_bytes() const override;
  [[nodiscard]] std::int64_t active_requests() const override { return scheduler_->active_requests(); }
  void drain() override { scheduler_->drain(); }
  void stop() override { scheduler_->stop(); }

 private:
  explicit ModelInstance(Setup setup);

  std::string id_;
  std::int32_t context_length_;
  tensor::ActivationType activations_;
  std::shared_ptr<ComputeTeam> team_;
  std::shared_ptr<Metrics> metrics_;
  std::unique_ptr<ModelIdentity> identity_;
  ModelParts parts_;
  GrammarCache grammars_;
  std::unique_ptr<tensor::KvPool> pool_;
  std::optional<ModelParts> draft_parts_;
  std::unique_ptr<tensor::KvPool> draft_pool_;
  std::unique_ptr<DraftModel> draft_;
  std::unique_ptr<Scheduler> scheduler_;  ///< uses all of the above
};

}  // namespace marquee::serving
