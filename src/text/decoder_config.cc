#include "text/decoder_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "text/config_reader.h"
#include "text/decoder_families.h"
#include "text/registry.h"

namespace marquee::text {

using base::Result;
using Bounds = ConfigReader::Bounds;

namespace {

constexpr Bounds kEpsilonBounds = {0.0, 1.0};
constexpr Bounds kThetaBounds = {2.0, 1e12};
constexpr Bounds kFactorBounds = {1e-3, 1e6};

/// Reads a key into a field; the field's own value is the fall-back unless it is 0.
Result<void> read_integer(const ConfigReader& reader, std::string_view key, std::int32_t max, std::int32_t& field) {
  if (field != 0 && !reader.has(key)) return {};
  MARQUEE_ASSIGN(field, reader.integer(key, {1, static_cast<double>(max)}));
  return {};
}

/// Keys of config.json that GPT-2 spells its own way.
struct JsonKeys {
  std::string_view hidden, layers, heads, context, feed_forward, epsilon, activation;
};
constexpr JsonKeys kUsualKeys = {
    "hidden_size",       "num_hidden_layers", "num_attention_heads", "max_position_embeddings",
    "intermediate_size", "rms_norm_eps",      "hidden_act"};
constexpr JsonKeys kGpt2Keys = {
    "n_embd", "n_layer", "n_head", "n_positions", "n_inner", "layer_norm_epsilon", "activation_function"};

Result<void> read_dimensions(const ConfigReader& reader, const JsonKeys& keys, DecoderConfig& config) {
  MARQUEE_CHECK(read_integer(reader, "vocab_size", kMaxVocabulary, config.vocab_size));
  MARQUEE_CHECK(read_integer(reader, keys.hidden, kMaxHidden, config.hidden));
  MARQUEE_CHECK(read_integer(reader, keys.heads, kMaxHeads, config.heads));
  if (config.kv_heads == 0) config.kv_heads = config.heads;
  MARQUEE_CHECK(read_integer(reader, "num_key_value_heads", kMaxHeads, config.kv_heads));
  if (config.head_dim == 0) config.head_dim = config.hidden / config.heads;
  MARQUEE_CHECK(read_integer(reader, "head_dim", kMaxHeadDim, config.head_dim));
  if (config.feed_forward == 0 && !config.gated) config.feed_forward = 4 * config.hidden;
  MARQUEE_CHECK(read_integer(reader, keys.feed_forward, kMaxFeedForward, config.feed_forward));
  MARQUEE_CHECK(read_integer(reader, keys.context, kMaxContext, config.context_length));
  auto layers = static_cast<std::int32_t>(config.layers.size());
  MARQUEE_CHECK(read_integer(reader, keys.layers, kMaxLayers, layers));
  config.layers.resize(static_cast<std::size_t>(layers));
  return {};
}

Result<void> read_hugging_face(const ConfigReader& reader, const Architecture& architecture, DecoderConfig& config) {
  if (reader.has("quantization_config")) {
    return reader.unsupported(
        "quantization_config",
        "is present: quantised safetensors are not supported; use the unquantised folder or GGUF");
  }
  if (architecture.hugging_face_defaults != nullptr) architecture.hugging_face_defaults(config);
  const bool is_gpt2 = config.positions == PositionKind::kLearned;
  const JsonKeys& keys = is_gpt2 ? kGpt2Keys : kUsualKeys;
  MARQUEE_CHECK(read_dimensions(reader, keys, config));
  if (config.norm_epsilon > 0.0F) {
    MARQUEE_ASSIGN(const double epsilon, reader.number_or(keys.epsilon, kEpsilonBounds, config.norm_epsilon));
    config.norm_epsilon = static_cast<float>(epsilon);
  } else {
    MARQUEE_ASSIGN(const double epsilon, reader.number(keys.epsilon, kEpsilonBounds));
    config.norm_epsilon = static_cast<float>(epsilon);
  }
  MARQUEE_CHECK(read_activation(reader, keys.activation, config.activation));
  MARQUEE_ASSIGN(config.tied_embeddings, reader.flag_or("tie_word_embeddings", config.tied_embeddings));
  if (config.positions == PositionKind::kRope) MARQUEE_CHECK(read_rope_hugging_face(reader, config));
  for (auto& layer : config.layers) layer.attention_scale = 1.0F / std::sqrt(static_cast<float>(config.head_dim));
  if (architecture.read_hugging_face == nullptr) return {};
  return architecture.read_hugging_face(reader, config);
}

Result<void> read_gguf_rope_scaling(const ConfigReader& reader, DecoderConfig& config) {
  RopeScaling& scaling = config.rope.scaling;
  const std::string_view factor_key =
      reader.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";  // the older name
  MARQUEE_ASSIGN(const std::string type,
                 reader.text_or("rope.scaling.type", reader.has(factor_key) ? "linear" : "none"));
  MARQUEE_ASSIGN(scaling.original_context,
                 reader.integer_or("rope.scaling.original_context_length", {2, static_cast<double>(kMaxContext)},
                                   config.context_length));
  if (type == "linear" || type == "yarn") {
    scaling.type = type == "linear" ? RopeScaling::Type::kLinear : RopeScaling::Type::kYarn;
    MARQUEE_ASSIGN(scaling.factor, reader.number(factor_key, kFactorBounds));
  } else if (type != "none" && type != "longrope") {  // longrope's factors are tensors
    return reader.unsupported("rope.scaling.type", fmt::format("is '{}', a scaling that is not supported", type));
  }
  if (scaling.type == RopeScaling::Type::kYarn) {
    MARQUEE_ASSIGN(scaling.beta_fast, reader.number_or("rope.scaling.yarn_beta_fast", kFactorBounds, 32.0));
    MARQUEE_ASSIGN(scaling.beta_slow, reader.number_or("rope.scaling.yarn_beta_slow", kFactorBounds, 1.0));
    MARQUEE_ASSIGN(scaling.mscale_all_dimensions, reader.number_or("rope.scaling.yarn_log_multiplier", {0, 1e3}, 0.0));
    scaling.mscale = scaling.mscale_all_dimensions != 0.0 ? 1.0 : 0.0;
  }
  for (const auto* key : {"rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor"}) {
    if (!reader.has(key)) continue;
    MARQUEE_ASSIGN(scaling.attention_factor, reader.number(key, kFactorBounds));
  }
  return {};
}

/// Factors that GGUF keeps as tensors beside the weights.
Result<std::vector<float>> read_factors(const formats::ModelFile& file, std::string_view name, std::int32_t pairs) {
  MARQUEE_ASSIGN(auto stored, file.find(name));
  if (stored.elements() != pairs) {
    return base::corrupt(fmt::format("{}: tensor '{}' has {} elements where {} pairs of dimensions turn",
                                     file.path().string(), name, stored.elements(), pairs));
  }
  stored.shape = {1, pairs};
  std::vector<float> factors(static_cast<std::size_t>(pairs));
  MARQUEE_CHECK(tensor::dequantize_row(stored, 0, factors));
  return factors;
}

Result<void> read_gguf_rope(const formats::ModelFile& file, const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(config.rope.dimensions,
                 reader.integer_or("rope.dimension_count", {2, static_cast<double>(kMaxHeadDim)}, config.head_dim));
  MARQUEE_ASSIGN(config.rope.theta, reader.number_or("rope.freq_base", kThetaBounds, config.rope.theta));
  MARQUEE_CHECK(read_gguf_rope_scaling(reader, config));
  const std::int32_t pairs = config.rope.dimensions / 2;
  if (file.contains("rope_freqs.weight")) {
    MARQUEE_ASSIGN(config.rope.divisors, read_factors(file, "rope_freqs.weight", pairs));
  }
  if (!file.contains("rope_factors_long.weight")) return {};
  RopeScaling& scaling = config.rope.scaling;
  scaling.type = RopeScaling::Type::kLongRope;
  scaling.attention_factor = scaling.attention_factor.value_or(1.0);
  MARQUEE_ASSIGN(scaling.long_divisors, read_factors(file, "rope_factors_long.weight", pairs));
  MARQUEE_ASSIGN(scaling.short_divisors, read_factors(file, "rope_factors_short.weight", pairs));
  return {};
}

Result<void> read_gguf_dimensions(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_CHECK(read_integer(reader, "embedding_length", kMaxHidden, config.hidden));
  MARQUEE_CHECK(read_integer(reader, "attention.head_count", kMaxHeads, config.heads));
  config.kv_heads = config.heads;
  MARQUEE_CHECK(read_integer(reader, "attention.head_count_kv", kMaxHeads, config.kv_heads));
  config.head_dim = config.hidden / config.heads;
  MARQUEE_CHECK(read_integer(reader, "attention.key_length", kMaxHeadDim, config.head_dim));
  MARQUEE_ASSIGN(const auto value_length,
                 reader.integer_or("attention.value_length", {1, static_cast<double>(kMaxHeadDim)}, config.head_dim));
  if (value_length != config.head_dim) {
    return reader.unsupported("attention.value_length", "differs from the keys' length, which is not supported");
  }
  MARQUEE_CHECK(read_integer(reader, "feed_forward_length", kMaxFeedForward, config.feed_forward));
  MARQUEE_CHECK(read_integer(reader, "context_length", kMaxContext, config.context_length));
  std::int32_t layers = 0;
  MARQUEE_CHECK(read_integer(reader, "block_count", kMaxLayers, layers));
  config.layers.resize(static_cast<std::size_t>(layers));
  return {};
}

Result<void> read_gguf(const formats::ModelFile& file, const Architecture& architecture, DecoderConfig& config) {
  const ConfigReader reader(file.metadata(), file.path().string(), std::string(architecture.name) + ".");
  MARQUEE_ASSIGN(const auto experts, reader.integer_or("expert_count", {0, 1 << 16}, 0));
  if (experts > 0) return reader.unsupported("expert_count", "is not 0: mixtures of experts are not supported");
  MARQUEE_CHECK(read_gguf_dimensions(reader, config));
  MARQUEE_ASSIGN(const double epsilon, reader.number(config.norm == NormKind::kRms ? "attention.layer_norm_rms_epsilon"
                                                                                   : "attention.layer_norm_epsilon",
                                                     kEpsilonBounds));
  config.norm_epsilon = static_cast<float>(epsilon);
  config.pairing = architecture.gguf_pairing;
  config.tied_embeddings = !file.contains("output.weight");
  if (config.positions == PositionKind::kRope) MARQUEE_CHECK(read_gguf_rope(file, reader, config));
  for (auto& layer : config.layers) layer.attention_scale = 1.0F / std::sqrt(static_cast<float>(config.head_dim));
  if (architecture.read_gguf == nullptr) return {};
  return architecture.read_gguf(reader, config);
}

Result<void> validate_rope(const RopeConfig& rope, std::int32_t head_dim, const std::string& where) {
  if (rope.dimensions < 2 || rope.dimensions % 2 != 0 || rope.dimensions > head_dim) {
    return base::corrupt(fmt::format("{}: {} rotary dimensions of heads of {} (must be even and no more)", where,
                                     rope.dimensions, head_dim));
  }
  return {};
}

}  // namespace

std::int32_t DecoderConfig::reachable_context() const {
  if (positions != PositionKind::kRope || rope.scaling.type != RopeScaling::Type::kDynamicNtk) return context_length;
  const double reachable = std::min(rope.scaling.factor * context_length, static_cast<double>(kMaxContext));
  return std::max(context_length, static_cast<std::int32_t>(reachable));
}

Result<void> validate(const DecoderConfig& config, const std::string& where) {
  if (config.head_dim < 1 || config.head_dim > kMaxHeadDim) {
    return base::corrupt(fmt::format("{}: heads of {} dimensions (hidden size {}, {} heads)", where, config.head_dim,
                                     config.hidden, config.heads));
  }
  if (config.kv_heads < 1 || config.heads % config.kv_heads != 0) {
    return base::corrupt(
        fmt::format("{}: {} query heads cannot share {} key/value heads evenly", where, config.heads, config.kv_heads));
  }
  if (config.positions == PositionKind::kLearned) return {};
  MARQUEE_CHECK(validate_rope(config.rope, config.head_dim, where));
  if (config.local_rope) MARQUEE_CHECK(validate_rope(*config.local_rope, config.head_dim, where));
  return {};
}

Result<DecoderConfig> read_decoder_config(const formats::ModelFile& file) {
  const std::string where = file.path().string();
  auto found = find_architecture(file.kind(), file.architecture());
  if (!found) {
    found.error().message = fmt::format("{}: {}", where, found.error().message);
    return std::move(found).error();
  }
  const Architecture& architecture = **found;
  DecoderConfig config = architecture.traits;
  config.architecture = architecture.name;
  if (file.kind() == formats::ModelFileKind::kGguf) {
    MARQUEE_CHECK(read_gguf(file, architecture, config));
  } else {
    ConfigReader reader(file.metadata(), (file.path() / "config.json").string());
    // Models that also see or hear keep the decoder's config one level down.
    MARQUEE_ASSIGN(auto text_config, reader.child("text_config"));
    MARQUEE_CHECK(read_hugging_face(text_config ? *text_config : reader, architecture, config));
  }
  MARQUEE_CHECK(validate(config, where));
  return config;
}

}  // namespace marquee::text
