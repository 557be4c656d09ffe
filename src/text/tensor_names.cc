#include "text/tensor_names.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace marquee::text {

namespace {

constexpr std::array<std::string_view, 1> kIgnoredLlama = {"self_attn.rotary_emb.inv_freq"};
// Causal masks that early GPT-2 files carry along.
constexpr std::array<std::string_view, 2> kIgnoredGpt2 = {"attn.bias", "attn.masked_bias"};

constexpr TensorNames kGguf = {
    .embedding = "token_embd",
    .positions = "position_embd",
    .final_norm = "output_norm",
    .head = "output",
    .layer = "blk.",
    .attention_norm = "attn_norm",
    .attention_post_norm = "post_attention_norm",
    .query = "attn_q",
    .key = "attn_k",
    .value = "attn_v",
    .qkv = "attn_qkv",
    .query_norm = "attn_q_norm",
    .key_norm = "attn_k_norm",
    .attention_out = "attn_output",
    .feed_forward_norm = "ffn_norm",
    .feed_forward_post_norm = "post_ffw_norm",
    .gate = "ffn_gate",
    .up = "ffn_up",
    .gate_up = "ffn_up",  // stacked where there is no ffn_gate (Phi-3)
    .down = "ffn_down",
    .ignored = {},
};

constexpr TensorNames kLlama = {
    .embedding = "embed_tokens",
    .positions = {},
    .final_norm = "norm",
    .head = "lm_head",
    .layer = "layers.",
    .attention_norm = "input_layernorm",
    .attention_post_norm = {},
    .query = "self_attn.q_proj",
    .key = "self_attn.k_proj",
    .value = "self_attn.v_proj",
    .qkv = "self_attn.qkv_proj",
    .query_norm = "self_attn.q_norm",
    .key_norm = "self_attn.k_norm",
    .attention_out = "self_attn.o_proj",
    .feed_forward_norm = "post_attention_layernorm",
    .feed_forward_post_norm = {},
    .gate = "mlp.gate_proj",
    .up = "mlp.up_proj",
    .gate_up = "mlp.gate_up_proj",
    .down = "mlp.down_proj",
    .ignored = kIgnoredLlama,
};

constexpr TensorNames with_post_norms(TensorNames names) {
  names.attention_post_norm = "post_attention_layernorm";
  names.feed_forward_norm = "pre_feedforward_layernorm";
  names.feed_forward_post_norm = "post_feedforward_layernorm";
  return names;
}
constexpr TensorNames kGemma = with_post_norms(kLlama);

constexpr TensorNames kGpt2 = {
    .embedding = "wte",
    .positions = "wpe",
    .final_norm = "ln_f",
    .head = "lm_head",
    .layer = "h.",
    .attention_norm = "ln_1",
    .attention_post_norm = {},
    .query = {},
    .key = {},
    .value = {},
    .qkv = "attn.c_attn",
    .query_norm = {},
    .key_norm = {},
    .attention_out = "attn.c_proj",
    .feed_forward_norm = "ln_2",
    .feed_forward_post_norm = {},
    .gate = {},
    .up = "mlp.c_fc",
    .gate_up = {},
    .down = "mlp.c_proj",
    .linear_transposed = true,
    .ignored = kIgnoredGpt2,
};

}  // namespace

base::Result<NamedTensors> find_tensor_names(const formats::ModelFile& file, const DecoderConfig& config) {
  if (file.kind() == formats::ModelFileKind::kGguf) return NamedTensors{&kGguf, "", ""};
  const TensorNames* names = &kLlama;
  if (config.post_norms) names = &kGemma;
  if (config.positions == PositionKind::kLearned) names = &kGpt2;
  // With the task's head or without; inside a model that also sees, as transformers 5 and 4 save it.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kPrefixes = {{
      {"model.", ""},
      {"transformer.", ""},
      {"model.language_model.", ""},
      {"language_model.model.", "language_model."},
      {"", ""},
  }};
  for (const auto& [prefix, head_prefix] : kPrefixes) {
    if (file.contains(fmt::format("{}{}.weight", prefix, names->embedding))) {
      return NamedTensors{names, std::string(prefix), std::string(head_prefix)};
    }
  }
  return base::corrupt(
      fmt::format("{}: no tensor '{}.weight', with or without a known prefix", file.path().string(), names->embedding));
}

}  // namespace marquee::text
