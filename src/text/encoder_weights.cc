#include "text/encoder_weights.h"

#include <fmt/format.h>

#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tensor/ops.h"
#include "tensor/quantize_weight.h"

namespace marquee::text {

using base::Result;
using tensor::StoredTensor;

namespace {

/// A linear layer of a file: its name without ".weight", and how many outputs it has.
struct NamedLinear {
  std::string name;
  std::int64_t out;
};

class EncoderLoader {
 public:
  EncoderLoader(const formats::ModelFile& file, const EncoderConfig& config, EncoderPrecision precision,
                base::ThreadPool& pool)
      : file_(file),
        config_(config),
        family_(*find_encoder_family(file.architecture())),
        precision_(precision),
        pool_(pool),
        prefix_(file.contains(fmt::format("{}{}", family_.names.prefix, kWordEmbedding)) ? family_.names.prefix : "") {}

  Result<EncoderWeights> load();

 private:
  static constexpr std::string_view kWordEmbedding = "embeddings.word_embeddings.weight";

  Result<void> load_embeddings();
  Result<void> load_layer(std::int32_t index);
  Result<void> load_head();
  Result<void> refuse_unknown() const;

  Result<StoredTensor> find(const std::string& name, const std::vector<std::int64_t>& shape);
  Result<std::vector<float>> floats(const std::string& name, std::int64_t count);
  Result<NormWeights> norm(const std::string& name);
  Result<LinearWeights> linear(std::span<const NamedLinear> parts, std::int64_t in, EncoderPrecision precision);
  Result<LinearWeights> linear(const NamedLinear& one, std::int64_t in, EncoderPrecision precision) {
    return linear(std::span(&one, 1), in, precision);
  }

  const formats::ModelFile& file_;
  const EncoderConfig& config_;
  const EncoderFamily& family_;
  const EncoderPrecision precision_;
  base::ThreadPool& pool_;
  const std::string prefix_;
  std::set<std::string, std::less<>> used_;
  EncoderWeights weights_;
};

Result<StoredTensor> EncoderLoader::find(const std::string& name, const std::vector<std::int64_t>& shape) {
  if (!file_.contains(name)) {
    return base::corrupt(fmt::format("{}: tensor '{}' is missing", file_.path().string(), name));
  }
  MARQUEE_ASSIGN(auto stored, file_.find(name));
  if (stored.shape != shape) {
    return base::corrupt(fmt::format("{}: tensor '{}' has shape [{}] where the config asks for [{}]",
                                     file_.path().string(), name, fmt::join(stored.shape, ", "),
                                     fmt::join(shape, ", ")));
  }
  if (used_.insert(name).second) weights_.parameters += stored.elements();
  return stored;
}

Result<std::vector<float>> EncoderLoader::floats(const std::string& name, std::int64_t count) {
  MARQUEE_ASSIGN(auto stored, find(name, {count}));
  stored.shape = {1, count};
  std::vector<float> values(static_cast<std::size_t>(count));
  MARQUEE_CHECK(tensor::dequantize_row(stored, 0, values));
  weights_.resident_bytes += values.size() * sizeof(float);
  return values;
}

Result<NormWeights> EncoderLoader::norm(const std::string& name) {
  // The first checkpoints, made from TensorFlow's, call them gamma and beta.
  const bool older = file_.contains(name + ".gamma");
  NormWeights weights;
  MARQUEE_ASSIGN(weights.gamma, floats(name + (older ? ".gamma" : ".weight"), config_.hidden));
  MARQUEE_ASSIGN(weights.beta, floats(name + (older ? ".beta" : ".bias"), config_.hidden));
  return weights;
}

Result<LinearWeights> EncoderLoader::linear(std::span<const NamedLinear> parts, std::int64_t in,
                                            EncoderPrecision precision) {
  std::vector<StoredTensor> stored;
  std::vector<tensor::QuantizedMatrix> quantized;  // keeps the bytes until they are packed
  LinearWeights weights;
  for (const NamedLinear& part : parts) {
    MARQUEE_ASSIGN(auto matrix, find(part.name + ".weight", {part.out, in}));
    if (precision == EncoderPrecision::kInt8 && tensor::can_quantize(in)) {
      MARQUEE_ASSIGN(auto rounded, tensor::quantize_weight(matrix, pool_));
      matrix = rounded.stored;
      quantized.push_back(std::move(rounded));
    }
    stored.push_back(std::move(matrix));
    MARQUEE_ASSIGN(const auto bias, floats(part.name + ".bias", part.out));
    weights.bias.insert(weights.bias.end(), bias.begin(), bias.end());
  }
  MARQUEE_ASSIGN(weights.weight, tensor::PackedWeight::pack(stored, pool_));
  weights_.resident_bytes += weights.weight.bytes();
  return weights;
}

Result<void> EncoderLoader::load_embeddings() {
  MARQUEE_ASSIGN(weights_.embedding,
                 find(fmt::format("{}{}", prefix_, kWordEmbedding), {config_.vocab_size, config_.hidden}));
  MARQUEE_ASSIGN(weights_.positions,
                 find(prefix_ + "embeddings.position_embeddings.weight", {config_.positions, config_.hidden}));
  if (config_.token_types > 0) {
    MARQUEE_ASSIGN(weights_.token_types,
                   find(prefix_ + "embeddings.token_type_embeddings.weight", {config_.token_types, config_.hidden}));
  }
  MARQUEE_ASSIGN(weights_.embedding_norm, norm(prefix_ + "embeddings.LayerNorm"));
  return {};
}

Result<void> EncoderLoader::load_layer(std::int32_t index) {
  const EncoderTensorNames& names = family_.names;
  const std::string layer = fmt::format("{}{}{}.", prefix_, names.layer, index);
  const auto at = [&layer](std::string_view name) { return layer + std::string(name); };
  const std::int64_t hidden = config_.hidden;
  const NamedLinear qkv[] = {{at(names.query), hidden}, {at(names.key), hidden}, {at(names.value), hidden}};
  EncoderLayerWeights weights;
  MARQUEE_ASSIGN(weights.qkv, linear(qkv, hidden, precision_));
  MARQUEE_ASSIGN(weights.attention_out, linear({at(names.attention_out), hidden}, hidden, precision_));
  MARQUEE_ASSIGN(weights.attention_norm, norm(at(names.attention_norm)));
  MARQUEE_ASSIGN(weights.up, linear({at(names.up), config_.feed_forward}, hidden, precision_));
  MARQUEE_ASSIGN(weights.down, linear({at(names.down), hidden}, config_.feed_forward, precision_));
  MARQUEE_ASSIGN(weights.feed_forward_norm, norm(at(names.feed_forward_norm)));
  weights_.layers.push_back(std::move(weights));
  return {};
}

Result<void> EncoderLoader::load_head() {
  const EncoderTensorNames& names = family_.names;
  const std::string inner = (names.head_inner_has_prefix ? prefix_ : "") + std::string(names.head_inner);
  ClassificationHead head;
  head.activation = family_.head_activation;
  const auto labels = static_cast<std::int64_t>(config_.labels.size());
  MARQUEE_ASSIGN(head.inner, linear({inner, config_.hidden}, config_.hidden, EncoderPrecision::kFloat32));
  MARQUEE_ASSIGN(head.out, linear({std::string(names.head_out), labels}, config_.hidden, EncoderPrecision::kFloat32));
  weights_.head = std::move(head);
  return {};
}

/// A tensor in a layer that nothing here reads means arithmetic that this encoder would leave out.
Result<void> EncoderLoader::refuse_unknown() const {
  const std::string layers = fmt::format("{}{}", prefix_, family_.names.layer);
  for (const std::string& name : file_.names()) {
    if (!name.starts_with(layers) || used_.contains(name)) continue;
    return base::unsupported(fmt::format("{}: tensor '{}' is not part of architecture '{}' as it is known here",
                                         file_.path().string(), name, config_.architecture));
  }
  return {};
}

Result<EncoderWeights> EncoderLoader::load() {
  MARQUEE_CHECK(load_embeddings());
  for (std::int32_t index = 0; index < config_.layers; ++index) MARQUEE_CHECK(load_layer(index));
  if (config_.classifies) MARQUEE_CHECK(load_head());
  MARQUEE_CHECK(refuse_unknown());
  return std::move(weights_);
}

}  // namespace

Result<EncoderWeights> load_encoder_weights(const formats::ModelFile& file, const EncoderConfig& config,
                                            EncoderPrecision precision, base::ThreadPool& pool) {
  return EncoderLoader(file, config, precision, pool).load();
}

}  // namespace marquee::text
