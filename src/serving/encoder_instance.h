#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "serving/compute_team.h"
#include "serving/encoder_batcher.h"
#include "serving/metrics.h"
#include "serving/model_loader.h"
#include "serving/served_model.h"

namespace marquee::serving {

/// An encoder in memory with its batcher. Keeps what it computes with alive. What only models that generate text do is
/// refused (kUnsupported).
class EncoderInstance final : public ServedModel {
 public:
  /// @pre parts.encoder is there
  EncoderInstance(ModelParts parts, std::shared_ptr<ComputeTeam> team, std::shared_ptr<Metrics> metrics,
                  const EncoderBatcherOptions& options);

  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] const formats::Tokenizer& tokenizer() const override { return *parts_.tokenizer; }
  [[nodiscard]] const text::ChatTemplate* chat_template() const override { return nullptr; }
  [[nodiscard]] const text::ModelFacts& facts() const override { return facts_; }
  [[nodiscard]] std::int32_t context_length() const override { return facts_.context_length; }
  [[nodiscard]] ModelTask task() const override;
  [[nodiscard]] EncodingService* encoder() override { return batcher_.get(); }
  base::Result<std::shared_ptr<const text::grammar::TokenGrammar>> grammar(
      const text::grammar::Source& source) override;
  base::Result<std::uint64_t> submit(GenerationRequest request, std::shared_ptr<GenerationSink> sink) override;
  void cancel(std::uint64_t /*request*/) override {}
  void wake() override {}
  [[nodiscard]] std::chrono::seconds expected_wait() const override { return batcher_->expected_wait(); }

  [[nodiscard]] std::uint64_t resident_bytes() const override;
  [[nodiscard]] std::int64_t active_requests() const override { return batcher_->active_requests(); }
  void drain() override { batcher_->drain(); }
  void stop() override { batcher_->stop(); }

 private:
  std::string id_;
  std::uint64_t workspace_bytes_;
  std::shared_ptr<ComputeTeam> team_;
  std::shared_ptr<Metrics> metrics_;
  ModelParts parts_;
  text::ModelFacts facts_;
  std::unique_ptr<EncoderBatcher> batcher_;  ///< uses all of the above
};

}  // namespace marquee::serving
