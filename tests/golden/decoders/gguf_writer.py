"""Writes a tiny transformers model as GGUF: names, metadata and the order of rows as llama.cpp's converter does it.

check_gguf_layout.py compares the result with that converter's own.
"""
import math
import re

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type

LLAMA_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
GEMMA_NAMES = LLAMA_NAMES | {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
GPT2_NAMES = {
    "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm",
    "lm_head": "output",
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma2": "gemma2",
                 "gemma3_text": "gemma3",
                 "phi3": "phi3", "gpt2": "gpt2"}


def all_f16(name):
    return Type.F16


def legacy_types(name):
    return {"attn_q": Type.Q4_0, "attn_k": Type.Q4_1, "attn_v": Type.Q5_0, "attn_output": Type.Q5_1,
            "ffn_gate": Type.Q8_0, "ffn_up": Type.BF16, "ffn_down": Type.Q4_0, "token_embd": Type.Q4_1,
            "output": Type.Q8_0}[name]


def k_types(name):
    return {"attn_q": Type.Q4_K, "attn_k": Type.Q5_K, "attn_v": Type.Q6_K, "attn_output": Type.Q3_K,
            "ffn_gate": Type.Q2_K, "ffn_up": Type.Q4_K, "ffn_down": Type.Q6_K, "token_embd": Type.Q6_K}[name]


def gguf_name(name, names):
    base, kind = name.rsplit(".", 1)
    layer = re.match(r"(?:model\.layers|transformer\.h)\.(\d+)\.(.*)", base)
    if layer:
        return f"blk.{layer[1]}.{names[layer[2]]}.{kind}"
    return f"{names[base]}.{kind}"


UNQUANTISED = (Type.F32, Type.F16, Type.BF16)


def gguf_type_key(module_name, config):
    """The name by which legacy_types and k_types know a module's weight."""
    if module_name == "lm_head":
        return "token_embd" if config.tie_word_embeddings else "output"
    return gguf_name(module_name + ".weight", LLAMA_NAMES).removesuffix(".weight").split(".")[-1]


def interleaved(weight, heads):
    """Puts the two rows that turn together, i and i + half in each head, beside each other."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def halves(weight, heads):
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def random_k_blocks(weight, dtype, seed):
    """Blocks of a K type with random contents; the package can read these types but not make them."""
    random = np.random.RandomState(seed)
    elements, size = gguf.GGML_QUANT_SIZES[dtype]
    blocks = random.randint(0, 256, size=(weight.size // elements, size)).astype(np.uint8)
    halfs = {Type.Q2_K: (80, 82), Type.Q3_K: (108,), Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,)}[dtype]
    for offset in halfs:
        blocks[:, offset:offset + 2] = np.full((len(blocks), 1), 1.0, "<f2").view(np.uint8)
    # One scale for the whole tensor brings the values to the spread of the weights they replace.
    spread = gguf.quants.dequantize(blocks.reshape(weight.shape[0], -1), dtype)
    for offset in halfs:
        scale = np.float16(weight.std() / spread.std())
        if len(halfs) == 2 and offset == halfs[1]:  # the minimum: centre the values
            scale = np.float16(float(scale) * minimum_ratio(blocks, dtype, offset, weight.shape[0]))
        blocks[:, offset:offset + 2] = np.full((len(blocks), 1), scale, "<f2").view(np.uint8)
    return blocks.reshape(weight.shape[0], -1)


def minimum_ratio(blocks, dtype, offset, rows):
    """How large the scale of the minima is beside that of the values when the mean is zero."""
    alone = blocks.copy()
    alone[:, offset:offset + 2] = 0
    one = alone.copy()
    for other in {Type.Q2_K: (80,), Type.Q4_K: (0,), Type.Q5_K: (0,)}[dtype]:
        one[:, other:other + 2] = np.full((len(blocks), 1), 1.0, "<f2").view(np.uint8)
    mean = gguf.quants.dequantize(one.reshape(rows, -1), dtype).mean()
    only = blocks.copy()
    for other in {Type.Q2_K: (80,), Type.Q4_K: (0,), Type.Q5_K: (0,)}[dtype]:
        only[:, other:other + 2] = 0
    only[:, offset:offset + 2] = np.full((len(blocks), 1), 1.0, "<f2").view(np.uint8)
    return mean / -gguf.quants.dequantize(only.reshape(rows, -1), dtype).mean()


def encode(weight, dtype, seed):
    """@return the tensor's bytes or values for the writer, and the values they stand for"""
    if dtype == Type.F16:
        half = weight.astype(np.float16)
        return half, half.astype(np.float32)
    if dtype in (Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K):
        data = random_k_blocks(weight, dtype, seed)
    else:
        data = gguf.quants.quantize(weight, dtype)
    return data, gguf.quants.dequantize(data, dtype).reshape(weight.shape)


def write_rope_scaling(writer, config, rope):
    kind = rope.get("rope_type", "default")
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(rope["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
    if kind == "longrope":
        original = rope["original_max_position_embeddings"]
        scale = config.max_position_embeddings / original
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
        writer.add_tensor("rope_factors_long.weight", np.array(rope["long_factor"], np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(rope["short_factor"], np.float32))
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_divisors(rope, head_dim(config)))


def llama3_divisors(rope, dim):
    wave = 2 * math.pi * rope["rope_theta"] ** (np.arange(0, dim, 2) / dim)
    original = rope["original_max_position_embeddings"]
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    smooth = np.clip((original / wave - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / factor + smooth)).astype(np.float32)


def head_dim(config):
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def write_metadata(writer, config):
    gpt2 = config.model_type == "gpt2"
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_head_count(config.num_attention_heads)
    if gpt2:
        writer.add_feed_forward_length(config.n_inner or 4 * config.n_embd)
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
        return
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    if head_dim(config) != config.hidden_size // config.num_attention_heads:
        writer.add_key_length(head_dim(config))
        writer.add_value_length(head_dim(config))
    rope = config.rope_parameters
    if "full_attention" in rope:
        writer.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
        rope = rope["full_attention"]
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(int(head_dim(config) * rope.get("partial_rotary_factor", 1.0)))
    write_rope_scaling(writer, config, rope)
    if config.model_type in ("gemma2", "gemma3_text", "phi3") and config.sliding_window:
        writer.add_sliding_window(config.sliding_window)
    if getattr(config, "attn_logit_softcapping", None):
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
    if getattr(config, "final_logit_softcapping", None):
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def prepared(name, tensor, config):
    """The values as GGUF stores them."""
    weight = tensor.detach().to(torch.float32).numpy()
    if config.model_type == "gpt2" and re.search(r"c_(attn|proj|fc)\.weight$", name):
        return np.ascontiguousarray(weight.T)
    if "gemma" in config.model_type and name.endswith("norm.weight"):
        return weight + 1
    if config.model_type in ("llama", "mistral"):
        if ".q_proj." in name:
            return interleaved(weight, config.num_attention_heads)
        if ".k_proj." in name:
            return interleaved(weight, config.num_key_value_heads)
    return weight


def restored(name, weight, config):
    if ".q_proj." in name:
        return halves(weight, config.num_attention_heads)
    if ".k_proj." in name:
        return halves(weight, config.num_key_value_heads)
    return weight


def write(path, config, state, types):
    """@return the state with the values that the file stands for (Llama only; others come back as they are)"""
    names = {"gpt2": GPT2_NAMES, "gemma2": GEMMA_NAMES, "gemma3_text": GEMMA_NAMES}.get(config.model_type, LLAMA_NAMES)
    writer = gguf.GGUFWriter(path, ARCHITECTURES[config.model_type])
    write_metadata(writer, config)
    result = dict(state)
    for index, (name, tensor) in enumerate(state.items()):
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        target = gguf_name(name, names)
        weight = prepared(name, tensor, config)
        if weight.ndim == 1 or target == "position_embd.weight":
            writer.add_tensor(target, weight)
            continue
        dtype = types(target.removesuffix(".weight").split(".")[-1])
        data, values = encode(weight, dtype, index)
        writer.add_tensor(target, data, raw_dtype=None if dtype == Type.F16 else dtype)
        if config.model_type == "llama":
            result[name] = torch.from_numpy(np.ascontiguousarray(restored(name, values, config)))
    if config.tie_word_embeddings:
        embedding = next(name for name in result if name.endswith(("embed_tokens.weight", "wte.weight")))
        result["lm_head.weight"] = result[embedding]
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return result
