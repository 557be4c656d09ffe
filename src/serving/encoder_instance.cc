#include "serving/encoder_instance.h"

#include <algorithm>
#include <utility>

namespace marquee::serving {
namespace {

// Floats that an encoder's workspace and rounded activations hold for a token, in units of its hidden size: at most 14
// (states, queries, keys, values, and a feed-forward of four times the width, twice).
constexpr std::uint64_t kWorkspaceWidths = 14;

}  // namespace

EncoderInstance::EncoderInstance(ModelParts parts, std::shared_ptr<ComputeTeam> team, std::shared_ptr<Metrics> metrics,
                                 const EncoderBatcherOptions& options)
    : id_(options.model_id), team_(std::move(team)), metrics_(std::move(metrics)), parts_(std::move(parts)) {
  const text::EncoderFacts& encoder = parts_.encoder->facts();
  facts_.architecture = encoder.architecture;
  facts_.vocab_size = encoder.vocab_size;
  facts_.context_length = encoder.context_length;
  facts_.parameters = encoder.parameters;
  facts_.resident_bytes = encoder.resident_bytes;
  const auto tokens = static_cast<std::uint64_t>(std::max(options.max_batch_tokens, encoder.context_length));
  workspace_bytes_ = tokens * static_cast<std::uint64_t>(encoder.hidden) * kWorkspaceWidths * sizeof(float);
  batcher_ = std::make_unique<EncoderBatcher>(*parts_.encoder, *team_, *metrics_, options);
}

ModelTask EncoderInstance::task() const {
  return parts_.encoder->facts().labels.empty() ? ModelTask::kEmbedding : ModelTask::kClassification;
}

std::uint64_t EncoderInstance::resident_bytes() const { return facts_.resident_bytes + workspace_bytes_; }

base::Result<std::shared_ptr<const text::grammar::TokenGrammar>> EncoderInstance::grammar(
    const text::grammar::Source& /*source*/) {
  return wrong_task(*this, ModelTask::kTextGeneration);
}

base::Result<std::uint64_t> EncoderInstance::submit(GenerationRequest /*request*/,
                                                    std::shared_ptr<GenerationSink> /*sink*/) {
  return wrong_task(*this, ModelTask::kTextGeneration);
}

}  // namespace marquee::serving
