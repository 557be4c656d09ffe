#include "text/decoder_families.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace marquee::text {

using base::Result;
using Bounds = ConfigReader::Bounds;

namespace {

constexpr Bounds kWindowBounds = {0, static_cast<double>(kMaxContext)};
constexpr Bounds kPositive = {1e-6, 1e9};
constexpr Bounds kSoftCapBounds = {0.0, 1e6};  // 0 for none

void slide_all_layers(DecoderConfig& config, std::int32_t window) {
  for (auto& layer : config.layers) layer.window = window;
}

/// Every `pattern`-th layer sees the whole context, the others slide. 0: all slide.
void slide_by_pattern(DecoderConfig& config, std::int32_t window, std::int32_t pattern) {
  for (std::size_t index = 0; index < config.layers.size(); ++index) {
    const bool whole = pattern > 0 && (index + 1) % static_cast<std::size_t>(pattern) == 0;
    config.layers[index].window = whole ? 0 : window;
  }
}

/// One kind of layer named for each layer. @return false if the file does not say
Result<bool> slide_by_layer_types(const ConfigReader& reader, DecoderConfig& config, std::int32_t window) {
  MARQUEE_ASSIGN(const auto types, reader.texts("layer_types", kMaxLayers));
  if (!types) return false;
  if (types->size() != config.layers.size()) {
    return reader.corrupt("layer_types", fmt::format("names {} layers of {}", types->size(), config.layers.size()));
  }
  for (std::size_t index = 0; index < types->size(); ++index) {
    const std::string& type = (*types)[index];
    if (type != "full_attention" && type != "sliding_attention") {
      return reader.unsupported("layer_types", fmt::format("has '{}', a kind of layer that is not supported", type));
    }
    config.layers[index].window = type == "sliding_attention" ? window : 0;
  }
  return true;
}

void use_local_rope_where_sliding(DecoderConfig& config) {
  if (!config.local_rope) return;
  for (auto& layer : config.layers) layer.local_rope = layer.window > 0;
}

/// GGUF has no key for the scale of attention where it is not the head's own dimension.
void scale_by_hidden(DecoderConfig& config) {
  const float scale = 1.0F / std::sqrt(static_cast<float>(config.hidden / config.heads));
  for (auto& layer : config.layers) layer.attention_scale = scale;
}

Result<void> read_soft_caps(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(const double attention_cap,
                 reader.number_or("attn_logit_softcapping", kSoftCapBounds, config.attention_soft_cap));
  MARQUEE_ASSIGN(const double final_cap,
                 reader.number_or("final_logit_softcapping", kSoftCapBounds, config.final_soft_cap));
  config.attention_soft_cap = static_cast<float>(attention_cap);
  config.final_soft_cap = static_cast<float>(final_cap);
  return {};
}

Result<void> read_gemma_gguf(const ConfigReader& reader, DecoderConfig& config, std::int32_t usual_window,
                             std::int32_t usual_pattern) {
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden));
  MARQUEE_ASSIGN(const auto window, reader.integer_or("attention.sliding_window", kWindowBounds, usual_window));
  MARQUEE_ASSIGN(const auto pattern,
                 reader.integer_or("attention.sliding_window_pattern", {0, kMaxLayers}, usual_pattern));
  slide_by_pattern(config, window, pattern);
  return read_soft_caps(reader, config);
}

Result<void> read_gemma_hugging_face(const ConfigReader& reader, DecoderConfig& config, std::int32_t usual_pattern) {
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden));
  config.gamma_offset = 1.0F;
  const std::int32_t unsaid = reader.states_null("sliding_window") ? 0 : 4096;
  MARQUEE_ASSIGN(const auto window, reader.integer_or("sliding_window", kWindowBounds, unsaid));
  MARQUEE_ASSIGN(const bool named, slide_by_layer_types(reader, config, window));
  if (!named) {
    MARQUEE_ASSIGN(const auto pattern, reader.integer_or("sliding_window_pattern", {1, kMaxLayers}, usual_pattern));
    slide_by_pattern(config, window, pattern);
  }
  MARQUEE_CHECK(read_activation(reader, "hidden_activation", config.activation));
  MARQUEE_ASSIGN(const double scalar, reader.number_or("query_pre_attn_scalar", kPositive, 256.0));
  for (auto& layer : config.layers) layer.attention_scale = static_cast<float>(1.0 / std::sqrt(scalar));
  return read_soft_caps(reader, config);
}

}  // namespace

Result<void> read_llama_gguf(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(const auto window, reader.integer_or("attention.sliding_window", kWindowBounds, 0));
  slide_all_layers(config, window);
  return {};
}

Result<void> read_phi3_gguf(const ConfigReader& reader, DecoderConfig& config) {
  return read_llama_gguf(reader, config);  // the same key with the same meaning
}

Result<void> read_gemma2_gguf(const ConfigReader& reader, DecoderConfig& config) {
  // The first files of Gemma 2 lack these keys; the published models share their values.
  config.attention_soft_cap = 50.0F;
  config.final_soft_cap = 30.0F;
  MARQUEE_CHECK(read_gemma_gguf(reader, config, 4096, 2));
  // The 27B model, known by its 46 layers, scales by hidden/heads (query_pre_attn_scalar 144 in its config.json).
  if (config.layers.size() == 46) scale_by_hidden(config);
  return {};
}

Result<void> read_gemma3_gguf(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_CHECK(read_gemma_gguf(reader, config, 0, 6));
  RopeConfig local;
  local.dimensions = config.rope.dimensions;
  MARQUEE_ASSIGN(local.theta, reader.number_or("rope.freq_base_swa", {2.0, 1e12}, 10000.0));
  config.local_rope = local;
  use_local_rope_where_sliding(config);
  // The 27B model, known by its 62 layers (query_pre_attn_scalar 168 in its config.json).
  if (config.layers.size() == 62) scale_by_hidden(config);
  return {};
}

void qwen3_defaults(DecoderConfig& config) { config.head_dim = 128; }

void gemma2_defaults(DecoderConfig& config) { config.head_dim = 256; }

// The text_config of the larger Gemma 3 models holds only what differs from Gemma3TextConfig of transformers.
void gemma3_defaults(DecoderConfig& config) {
  config.vocab_size = 262208;
  config.hidden = 2304;
  config.feed_forward = 9216;
  config.layers.resize(26);
  config.heads = 8;
  config.kv_heads = 4;
  config.head_dim = 256;
  config.context_length = 131072;
  config.norm_epsilon = 1e-6F;
  config.rope.theta = 1'000'000.0;
  config.local_rope.emplace();
}

Result<void> read_llama_hugging_face(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(const std::string type, reader.text_or("model_type", "llama"));
  if (type != "mistral") return {};
  // A Mistral that says nothing slides over 4096 tokens; those that see everything say null.
  const std::int32_t unsaid = reader.states_null("sliding_window") ? 0 : 4096;
  MARQUEE_ASSIGN(const auto window, reader.integer_or("sliding_window", kWindowBounds, unsaid));
  slide_all_layers(config, window);
  return {};
}

Result<void> read_qwen_hugging_face(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(const bool slides, reader.flag_or("use_sliding_window", false));
  const std::int32_t unsaid = reader.states_null("sliding_window") ? 0 : 4096;
  MARQUEE_ASSIGN(const auto window, reader.integer_or("sliding_window", kWindowBounds, unsaid));
  if (!slides || window == 0) return {};
  MARQUEE_ASSIGN(const bool named, slide_by_layer_types(reader, config, window));
  if (!named) {
    MARQUEE_ASSIGN(const auto first, reader.integer_or("max_window_layers", {0, kMaxLayers}, 28));
    for (std::size_t index = static_cast<std::size_t>(first); index < config.layers.size(); ++index) {
      config.layers[index].window = window;
    }
  }
  use_local_rope_where_sliding(config);
  return {};
}

Result<void> read_gemma2_hugging_face(const ConfigReader& reader, DecoderConfig& config) {
  config.attention_soft_cap = reader.states_null("attn_logit_softcapping") ? 0.0F : 50.0F;
  config.final_soft_cap = reader.states_null("final_logit_softcapping") ? 0.0F : 30.0F;
  return read_gemma_hugging_face(reader, config, 2);
}

Result<void> read_gemma3_hugging_face(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(const bool both_ways, reader.flag_or("use_bidirectional_attention", false));
  if (both_ways) return reader.unsupported("use_bidirectional_attention", "is true: only causal models are supported");
  // Neither the published models nor the reference have it, though the config class does.
  if (reader.has("attn_logit_softcapping")) {
    return reader.unsupported("attn_logit_softcapping", "is set, which Gemma 3 does not define");
  }
  MARQUEE_CHECK(read_gemma_hugging_face(reader, config, 6));
  use_local_rope_where_sliding(config);
  return {};
}

Result<void> read_phi3_hugging_face(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(const auto window, reader.integer_or("sliding_window", kWindowBounds, 0));
  slide_all_layers(config, window);
  return {};
}

Result<void> read_gpt2_hugging_face(const ConfigReader& reader, DecoderConfig& config) {
  MARQUEE_ASSIGN(const bool crosses, reader.flag_or("add_cross_attention", false));
  if (crosses) return reader.unsupported("add_cross_attention", "is true: only decoders alone are supported");
  MARQUEE_ASSIGN(const bool scales, reader.flag_or("scale_attn_weights", true));
  MARQUEE_ASSIGN(const bool by_layer, reader.flag_or("scale_attn_by_inverse_layer_idx", false));
  for (std::size_t index = 0; index < config.layers.size(); ++index) {
    float& scale = config.layers[index].attention_scale;
    if (!scales) scale = 1.0F;
    if (by_layer) scale /= static_cast<float>(index + 1);
  }
  return {};
}

Result<void> read_activation(const ConfigReader& reader, std::string_view key, tensor::Activation& activation) {
  if (!reader.has(key)) return {};
  MARQUEE_ASSIGN(const std::string name, reader.text_or(key, ""));
  if (name == "silu" || name == "swish") {
    activation = tensor::Activation::kSilu;
  } else if (name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast") {
    activation = tensor::Activation::kGeluTanh;
  } else if (name == "gelu") {
    activation = tensor::Activation::kGeluErf;
  } else if (name == "relu") {
    activation = tensor::Activation::kRelu;
  } else {
    return reader.unsupported(key, fmt::format("is '{}', an activation that is not supported", name));
  }
  return {};
}

}  // namespace marquee::text
