#include "text/decoder_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tensor/ops.h"
#include "text/tensor_names.h"

namespace marquee::text {

using base::Result;
using tensor::StoredTensor;

namespace {

struct Part {
  std::string name;
  std::int64_t rows;
};

/// A matrix turned from [in, out] to [out, in]; `stored` points into `bytes`.
struct Transposed {
  StoredTensor stored;
  std::vector<std::byte> bytes;
};

Result<Transposed> transpose(const StoredTensor& stored) {
  const auto& info = kernels::dtype_info(stored.dtype);
  if (info.block_elements != 1) {
    return base::unsupported(
        fmt::format("tensor '{}' is transposed, which {} blocks cannot be", stored.name, info.name));
  }
  const auto rows = static_cast<std::size_t>(stored.shape[0]);
  const auto cols = static_cast<std::size_t>(stored.shape[1]);
  const std::size_t width = info.block_bytes;
  Transposed turned{stored, std::vector<std::byte>(stored.bytes.size())};
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t col = 0; col < cols; ++col) {
      std::memcpy(&turned.bytes[(col * rows + row) * width], &stored.bytes[(row * cols + col) * width], width);
    }
  }
  std::swap(turned.stored.shape[0], turned.stored.shape[1]);
  turned.stored.bytes = turned.bytes;
  return turned;
}

class WeightLoader {
 public:
  WeightLoader(const formats::ModelFile& file, DecoderConfig& config, NamedTensors names, base::ThreadPool& pool,
               const LoadOptions& options)
      : file_(file),
        config_(config),
        names_(*names.names),
        prefix_(std::move(names.prefix)),
        head_prefix_(std::move(names.head_prefix)),
        pool_(pool),
        options_(options) {}

  Result<DecoderWeights> load();

 private:
  Result<void> load_embeddings();
  Result<void> load_layer(std::size_t index);
  Result<void> load_attention(const std::string& layer, LayerWeights& weights);
  Result<void> load_feed_forward(const std::string& layer, LayerWeights& weights);
  Result<void> load_head();
  Result<void> refuse_unknown() const;

  Result<StoredTensor> find(const std::string& name, std::vector<std::int64_t> shape);
  Result<std::vector<float>> floats(const std::string& name, std::int64_t count);
  Result<NormWeights> norm(const std::string& name, std::int64_t count);
  Result<tensor::PackedWeight> pack(std::span<const StoredTensor> stored);
  Result<LinearWeights> linear(std::span<const Part> parts, std::int64_t in);
  Result<std::vector<float>> biases(std::span<const Part> parts);

  const formats::ModelFile& file_;
  DecoderConfig& config_;
  const TensorNames& names_;
  const std::string prefix_;
  const std::string head_prefix_;
  base::ThreadPool& pool_;
  const LoadOptions& options_;
  std::uint64_t ready_bytes_ = 0;
  std::set<std::string, std::less<>> used_;
  DecoderWeights weights_;
};

Result<StoredTensor> WeightLoader::find(const std::string& name, std::vector<std::int64_t> shape) {
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

Result<std::vector<float>> WeightLoader::floats(const std::string& name, std::int64_t count) {
  MARQUEE_ASSIGN(auto stored, find(name, {count}));
  stored.shape = {1, count};
  std::vector<float> values(static_cast<std::size_t>(count));
  MARQUEE_CHECK(tensor::dequantize_row(stored, 0, values));
  weights_.resident_bytes += values.size() * sizeof(float);
  return values;
}

Result<NormWeights> WeightLoader::norm(const std::string& name, std::int64_t count) {
  NormWeights weights;
  MARQUEE_ASSIGN(weights.gamma, floats(name + ".weight", count));
  if (config_.norm == NormKind::kLayer && file_.contains(name + ".bias")) {
    MARQUEE_ASSIGN(weights.beta, floats(name + ".bias", count));
  }
  return weights;
}

/// The parts' biases stacked; parts without one add zeros, and none at all is empty.
Result<std::vector<float>> WeightLoader::biases(std::span<const Part> parts) {
  std::vector<float> stacked;
  const bool any =
      std::any_of(parts.begin(), parts.end(), [this](const Part& part) { return file_.contains(part.name + ".bias"); });
  if (!any) return stacked;
  for (const Part& part : parts) {
    std::vector<float> bias(static_cast<std::size_t>(part.rows), 0.0F);
    if (file_.contains(part.name + ".bias")) {
      MARQUEE_ASSIGN(bias, floats(part.name + ".bias", part.rows));
    }
    stacked.insert(stacked.end(), bias.begin(), bias.end());
  }
  return stacked;
}

Result<tensor::PackedWeight> WeightLoader::pack(std::span<const StoredTensor> stored) {
  MARQUEE_ASSIGN(auto packed, tensor::PackedWeight::pack(stored, pool_, options_.packed_cache));
  weights_.resident_bytes += packed.bytes();
  for (const StoredTensor& tensor : stored) ready_bytes_ += tensor.bytes.size();
  if (options_.on_weights_ready) options_.on_weights_ready(ready_bytes_);
  return packed;
}

Result<LinearWeights> WeightLoader::linear(std::span<const Part> parts, std::int64_t in) {
  std::vector<StoredTensor> stored;
  std::vector<Transposed> turned;  // keeps the bytes until they are packed
  turned.reserve(parts.size());
  for (const Part& part : parts) {
    const std::string name = part.name + ".weight";
    if (!names_.linear_transposed) {
      MARQUEE_ASSIGN(auto matrix, find(name, {part.rows, in}));
      stored.push_back(std::move(matrix));
      continue;
    }
    MARQUEE_ASSIGN(const auto matrix, find(name, {in, part.rows}));
    MARQUEE_ASSIGN(auto copy, transpose(matrix));
    turned.push_back(std::move(copy));
    stored.push_back(turned.back().stored);
  }
  LinearWeights weights;
  MARQUEE_ASSIGN(weights.weight, pack(stored));
  MARQUEE_ASSIGN(weights.bias, biases(parts));
  return weights;
}

Result<void> WeightLoader::load_embeddings() {
  const std::string name = fmt::format("{}{}.weight", prefix_, names_.embedding);
  if (config_.vocab_size == 0 && file_.contains(name)) {
    MARQUEE_ASSIGN(const auto stored, file_.find(name));
    const std::int64_t rows = stored.shape.empty() ? 0 : stored.shape[0];
    if (rows < 1 || rows > kMaxVocabulary) {
      return base::corrupt(fmt::format("{}: tensor '{}' has {} rows, not within 1 to {}", file_.path().string(), name,
                                       rows, kMaxVocabulary));
    }
    config_.vocab_size = static_cast<std::int32_t>(rows);
  }
  MARQUEE_ASSIGN(weights_.embedding, find(name, {config_.vocab_size, config_.hidden}));
  if (config_.positions == PositionKind::kRope) return {};
  MARQUEE_ASSIGN(weights_.positions,
                 find(fmt::format("{}{}.weight", prefix_, names_.positions), {config_.context_length, config_.hidden}));
  return {};
}

Result<void> WeightLoader::load_attention(const std::string& layer, LayerWeights& weights) {
  const auto at = [&layer](std::string_view name) { return layer + std::string(name); };
  const std::int64_t query = config_.query_width();
  const std::int64_t kv = config_.kv_width();
  std::vector<Part> parts;
  if (!names_.qkv.empty() && file_.contains(at(names_.qkv) + ".weight")) {
    parts = {{at(names_.qkv), query + 2 * kv}};
  } else {
    parts = {{at(names_.query), query}, {at(names_.key), kv}, {at(names_.value), kv}};
  }
  MARQUEE_ASSIGN(weights.qkv, linear(parts, config_.hidden));
  const Part out = {at(names_.attention_out), config_.hidden};
  MARQUEE_ASSIGN(weights.attention_out, linear(std::span(&out, 1), query));
  if (config_.qk_norm) {
    MARQUEE_ASSIGN(weights.query_norm, norm(at(names_.query_norm), config_.head_dim));
    MARQUEE_ASSIGN(weights.key_norm, norm(at(names_.key_norm), config_.head_dim));
  }
  return {};
}

Result<void> WeightLoader::load_feed_forward(const std::string& layer, LayerWeights& weights) {
  const auto at = [&layer](std::string_view name) { return layer + std::string(name); };
  const std::int64_t inner = config_.feed_forward;
  std::vector<Part> parts;
  if (!config_.gated) {
    parts = {{at(names_.up), inner}};
  } else if (!file_.contains(at(names_.gate) + ".weight") && file_.contains(at(names_.gate_up) + ".weight")) {
    parts = {{at(names_.gate_up), 2 * inner}};
  } else {
    parts = {{at(names_.gate), inner}, {at(names_.up), inner}};
  }
  MARQUEE_ASSIGN(weights.up, linear(parts, config_.hidden));
  const Part down = {at(names_.down), config_.hidden};
  MARQUEE_ASSIGN(weights.down, linear(std::span(&down, 1), inner));
  return {};
}

Result<void> WeightLoader::load_layer(std::size_t index) {
  const std::string layer = fmt::format("{}{}{}.", prefix_, names_.layer, index);
  const auto at = [&layer](std::string_view name) { return layer + std::string(name); };
  LayerWeights weights;
  MARQUEE_ASSIGN(weights.attention_norm, norm(at(names_.attention_norm), config_.hidden));
  MARQUEE_CHECK(load_attention(layer, weights));
  MARQUEE_ASSIGN(weights.feed_forward_norm, norm(at(names_.feed_forward_norm), config_.hidden));
  MARQUEE_CHECK(load_feed_forward(layer, weights));
  if (config_.post_norms) {
    MARQUEE_ASSIGN(weights.attention_post_norm, norm(at(names_.attention_post_norm), config_.hidden));
    MARQUEE_ASSIGN(weights.feed_forward_post_norm, norm(at(names_.feed_forward_post_norm), config_.hidden));
  }
  weights_.layers.push_back(std::move(weights));
  return {};
}

Result<void> WeightLoader::load_head() {
  MARQUEE_ASSIGN(weights_.final_norm, norm(fmt::format("{}{}", prefix_, names_.final_norm), config_.hidden));
  weights_.head_is_embedding = config_.tied_embeddings;
  if (config_.tied_embeddings) {
    MARQUEE_ASSIGN(weights_.head.weight, pack(std::span(&weights_.embedding, 1)));
    return {};
  }
  const std::string name = fmt::format("{}{}", head_prefix_, names_.head);
  MARQUEE_ASSIGN(const auto stored, find(name + ".weight", {config_.vocab_size, config_.hidden}));
  MARQUEE_ASSIGN(weights_.head.weight, pack(std::span(&stored, 1)));
  const Part part = {name, config_.vocab_size};
  MARQUEE_ASSIGN(weights_.head.bias, biases(std::span(&part, 1)));
  return {};
}

/// A tensor in a layer that nothing here reads means arithmetic that this decoder would leave out.
Result<void> WeightLoader::refuse_unknown() const {
  const std::string layers = fmt::format("{}{}", prefix_, names_.layer);
  for (const std::string& name : file_.names()) {
    if (!name.starts_with(layers) || used_.contains(name)) continue;
    const std::string_view rest = std::string_view(name).substr(layers.size());
    const std::size_t dot = rest.find('.');
    const std::string_view inner = dot == std::string_view::npos ? rest : rest.substr(dot + 1);
    if (std::find(names_.ignored.begin(), names_.ignored.end(), inner) != names_.ignored.end()) continue;
    return base::unsupported(fmt::format("{}: tensor '{}' is not part of architecture '{}' as it is known here",
                                         file_.path().string(), name, config_.architecture));
  }
  return {};
}

Result<DecoderWeights> WeightLoader::load() {
  MARQUEE_CHECK(load_embeddings());
  for (std::size_t index = 0; index < config_.layers.size(); ++index) MARQUEE_CHECK(load_layer(index));
  MARQUEE_CHECK(load_head());
  MARQUEE_CHECK(refuse_unknown());
  return std::move(weights_);
}

}  // namespace

Result<DecoderWeights> load_decoder_weights(const formats::ModelFile& file, DecoderConfig& config,
                                            base::ThreadPool& pool, const LoadOptions& options) {
  MARQUEE_ASSIGN(auto names, find_tensor_names(file, config));
  return WeightLoader(file, config, std::move(names), pool, options).load();
}

}  // namespace marquee::text
