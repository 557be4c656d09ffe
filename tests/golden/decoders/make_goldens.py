#!/usr/bin/env python3
"""Makes the tiny decoders that src/text/decoder_test.cc loads, and the logits that transformers computes with them.

Every model is randomly initialised with a fixed seed; all weights are rounded so that F32, F16 and BF16 hold them alike,
hence one set of expected logits serves the Hugging Face folder in any of these types and the GGUF file. For each feature
that a case is there to prove (a sliding window, a rope scaling, ...) the script also computes the logits without it and
refuses to write a case in which that makes no difference.

    python make_goldens.py            # needs torch, transformers, safetensors, gguf; made with transformers 5.15.1

Written beside this script: NAME/config.json, NAME/*.safetensors, NAME/expected.bin, and NAME.gguf, with
NAME.gguf.expected.bin where its logits are not those of the folder. An expected.bin is little-endian: int32 tokens, int32
vocabulary, int32 ids[tokens], float32 logits[tokens][vocabulary].
"""
import copy
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

import gguf_writer

HERE = Path(__file__).resolve().parent
VOCABULARY = 128
TOKENS = 40
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


@dataclass
class Case:
    name: str
    config: object
    seed: int
    dtype: torch.dtype = torch.float32
    shard_bytes: int = 0
    short_tokens: int = 0       # also expect logits of the first so many alone, as expected_short.bin
    older_config: bool = False  # write config.json as transformers 4 did
    # Each must change the logits when it replaces what the config says.
    proves: list = field(default_factory=list)


def rounded(tensor):
    """The nearest value that BF16 holds, and F16 as well."""
    value = tensor.to(torch.bfloat16).to(torch.float32)
    return torch.where(value.abs() < 2.0**-13, torch.zeros_like(value), value)


def initialise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    gemma = "gemma" in model.config.model_type
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name or ".ln_" in name:
                offset = 0.0 if gemma or name.endswith("bias") else 1.0
                parameter.copy_(rounded(offset + 0.2 * noise))
            elif parameter.ndim == 1:
                parameter.copy_(rounded(0.3 * noise))
            elif "embed_tokens" in name or "wte" in name:
                parameter.copy_(rounded(0.3 * noise if gemma else noise))
            else:
                fan_in = parameter.shape[0] if "c_" in name else parameter.shape[1]
                parameter.copy_(rounded(1.4 * noise / fan_in**0.5))


def build(config, state=None):
    config = copy.deepcopy(config)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    if state is not None:
        model.load_state_dict(state)
    return model.eval()


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].float()


def relative_difference(a, b):
    return ((a - b).abs().amax(dim=-1) / b.abs().amax(dim=-1)).max().item()


def token_ids(seed, count):
    return np.random.RandomState(seed).randint(0, VOCABULARY, size=count).tolist()


def write_expected(path, ids, logits):
    header = np.array([len(ids), logits.shape[1], *ids], dtype="<i4")
    path.write_bytes(header.tobytes() + logits.numpy().astype("<f4").tobytes())


def older_config(config):
    """The same facts in the keys of transformers 4, as most published folders have them."""
    values = {key: value for key, value in config.to_dict().items() if key not in ("rope_parameters", "layer_types")}
    rope = copy.deepcopy(config.rope_parameters)
    if "full_attention" in rope:
        values["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        rope = rope["full_attention"]
        values["sliding_window_pattern"] = config.layer_types.index("full_attention") + 1
    values["rope_theta"] = rope.pop("rope_theta")
    if "partial_rotary_factor" in rope:
        values["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
    values["rope_scaling"] = None if rope.get("rope_type") == "default" else rope
    return values


def save_folder(case, model, folder):
    state = {name: value.to(case.dtype).contiguous() for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    if case.shard_bytes:
        save_shards(state, folder, case.shard_bytes)
    else:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    if case.older_config:
        (folder / "config.json").write_text(json.dumps(older_config(model.config), indent=1, sort_keys=True) + "\n")
    else:
        model.config.save_pretrained(folder)


def save_shards(state, folder, shard_bytes):
    shards, size = [{}], 0
    for name, value in state.items():
        if size > 0 and size + value.nbytes > shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = value
        size += value.nbytes
    weight_map = {}
    for index, shard in enumerate(shards):
        file = f"model-{index + 1:05}-of-{len(shards):05}.safetensors"
        save_file(shard, folder / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(shard, file))
    total = sum(value.nbytes for value in state.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def make(case):
    folder = HERE / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    model = build(case.config)
    initialise(model, case.seed)
    ids = token_ids(case.seed, TOKENS)
    expected = logits_of(model, ids)
    for change in case.proves:
        altered = copy.deepcopy(case.config)
        for key, value in change.items():
            setattr(altered, key, value)
        difference = relative_difference(logits_of(build(altered, model.state_dict()), ids), expected)
        if difference < 0.02:
            sys.exit(f"{case.name}: {change} changes the logits by {difference:.1e} only; the case proves nothing")
    save_folder(case, model, folder)
    write_expected(folder / "expected.bin", ids, expected)
    if case.short_tokens:
        first = ids[:case.short_tokens]
        write_expected(folder / "expected_short.bin", first, logits_of(model, first))
    reloaded = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32,
                                                                 attn_implementation="eager").eval()
    if relative_difference(logits_of(reloaded, ids), expected) > 1e-6:
        sys.exit(f"{case.name}: the saved folder does not give the same logits")
    print(f"{case.name}: {sum(p.numel() for p in model.parameters())} parameters")
    return model, ids


def dimensions(**changes):
    values = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                  num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
                  bos_token_id=0, eos_token_id=1, pad_token_id=None)
    values.update(changes)
    return values


def rope(rope_type, **values):
    return {"rope_type": rope_type, "rope_theta": 10000.0, **values}


NO_SCALING = {"rope_parameters": rope("default")}


def llama_cases():
    llama = transformers.LlamaConfig
    llama3 = rope("llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
    yarn = rope("yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4.0, beta_slow=1.0)
    return [
        Case("llama", llama(**dimensions(tie_word_embeddings=True)), 1, older_config=True),
        Case("llama_sharded", llama(**dimensions(attention_bias=True, mlp_bias=True, head_dim=16)), 2,
             dtype=torch.bfloat16, shard_bytes=24000),
        Case("llama_llama3", llama(**dimensions(rope_parameters=llama3)), 3, older_config=True, proves=[NO_SCALING]),
        Case("llama_yarn", llama(**dimensions(rope_parameters=yarn)), 4, dtype=torch.float16, proves=[NO_SCALING]),
        Case("llama_linear", llama(**dimensions(rope_parameters=rope("linear", factor=3.0))), 5, older_config=True,
             dtype=torch.float16, proves=[NO_SCALING]),
        Case("llama_dynamic", llama(**dimensions(rope_parameters=rope("dynamic", factor=2.0),
                                                 max_position_embeddings=20)), 6,
             dtype=torch.float16, proves=[NO_SCALING]),
        Case("mistral", transformers.MistralConfig(**dimensions(sliding_window=8, head_dim=16)), 7,
             proves=[{"sliding_window": None}, {"sliding_window": 9}]),
    ]


def qwen_cases():
    sliding = ["full_attention", "sliding_attention"]
    whole = ["full_attention", "full_attention"]
    return [
        Case("qwen2", transformers.Qwen2Config(**dimensions(use_sliding_window=True, sliding_window=8,
                                                            max_window_layers=1)), 8, proves=[{"layer_types": whole}]),
        Case("qwen3", transformers.Qwen3Config(**dimensions(head_dim=16, tie_word_embeddings=True)), 9),
        Case("qwen3_sliding", transformers.Qwen3Config(**dimensions(head_dim=8, use_sliding_window=True,
                                                                    sliding_window=17, layer_types=sliding)), 10,
             dtype=torch.bfloat16, proves=[{"layer_types": whole}]),
    ]


def gemma_cases():
    rotation = {"sliding_attention": rope("default"),
                "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1000.0}}
    unscaled = {"sliding_attention": rope("default"), "full_attention": {"rope_type": "default", "rope_theta": 1000.0}}
    same = {"sliding_attention": rotation["full_attention"], "full_attention": rotation["full_attention"]}
    gemma = dimensions(num_hidden_layers=7, num_key_value_heads=1, head_dim=8, intermediate_size=32, sliding_window=8,
                       query_pre_attn_scalar=16, rope_parameters=rotation, tie_word_embeddings=True)
    short = dimensions(num_hidden_layers=2, head_dim=16, sliding_window=16, query_pre_attn_scalar=8,
                       rope_parameters=rotation, layer_types=["sliding_attention", "full_attention"],
                       tie_word_embeddings=True)
    gemma2 = dimensions(num_hidden_layers=3, head_dim=16, sliding_window=8, query_pre_attn_scalar=4,
                        attn_logit_softcapping=3.0, final_logit_softcapping=2.0, tie_word_embeddings=True)
    return [
        Case("gemma3", transformers.Gemma3TextConfig(**gemma), 11, older_config=True,
             proves=[{"sliding_window": 64}, {"rope_parameters": unscaled}, {"rope_parameters": same},
                     {"query_pre_attn_scalar": 8}]),
        Case("gemma3_short", transformers.Gemma3TextConfig(**short), 12, dtype=torch.bfloat16,
             proves=[{"rope_parameters": same}]),
        Case("gemma2", transformers.Gemma2Config(**gemma2), 16,
             proves=[{"attn_logit_softcapping": None}, {"final_logit_softcapping": None}, {"sliding_window": 64}]),
    ]


def other_cases():
    factors = {"short_factor": [1.0, 1.1, 1.3, 1.5], "long_factor": [1.0, 2.0, 4.0, 8.0]}
    phi3 = dimensions(num_attention_heads=2, original_max_position_embeddings=24, sliding_window=20,
                      rope_parameters=rope("longrope", partial_rotary_factor=0.5, **factors))
    plain = rope("default", partial_rotary_factor=0.5)
    gpt2 = dict(vocab_size=VOCABULARY, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=1)
    return [
        Case("phi3", transformers.Phi3Config(**phi3), 13, older_config=True, short_tokens=24,
             proves=[{"sliding_window": None}, {"rope_parameters": plain}]),
        Case("gpt2", transformers.GPT2Config(**gpt2), 14),
        Case("gpt2_scales", transformers.GPT2Config(**gpt2, n_inner=48, scale_attn_by_inverse_layer_idx=True,
                                                    activation_function="gelu", tie_word_embeddings=False), 15,
             dtype=torch.float16, proves=[{"scale_attn_by_inverse_layer_idx": False}]),
    ]


def make_nested_gemma(source):
    """Gemma 3 as the models that also see store it: the decoder's config and weights one level down."""
    folder = HERE / "gemma3_nested"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    from safetensors.torch import load_file
    state = load_file(HERE / source / "model.safetensors")
    state = {"model.language_model." + name.removeprefix("model."): value for name, value in state.items()}
    state["model.vision_tower.vision_model.post_layernorm.weight"] = torch.ones(4, dtype=torch.bfloat16)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    text = json.loads((HERE / source / "config.json").read_text())
    config = {"model_type": "gemma3", "text_config": text, "vision_config": {"model_type": "siglip_vision_model"}}
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    shutil.copyfile(HERE / source / "expected.bin", folder / "expected.bin")


GGUF_CASES = ("llama", "llama_sharded", "llama_llama3", "llama_yarn", "llama_linear", "qwen2", "qwen3", "gemma2", "gemma3",
              "phi3", "gpt2")


# What GGUF has no key for: its logits are other than the folder's.
GGUF_CHANGES = {
    "qwen2": {"layer_types": ["full_attention"] * 2},
    "gemma2": {"query_pre_attn_scalar": 16},
    "gemma3": {"query_pre_attn_scalar": 8},
}


def make_gguf(name, model, ids):
    """F16 matrices hold the folder's own values."""
    gguf_writer.write(HERE / f"{name}.gguf", model.config, model.state_dict(), gguf_writer.all_f16)
    if name in GGUF_CHANGES:
        config = copy.deepcopy(model.config)
        for key, value in GGUF_CHANGES[name].items():
            setattr(config, key, value)
        expected = logits_of(build(config, model.state_dict()), ids)
        write_expected(HERE / f"{name}.gguf.expected.bin", ids, expected)


def as_int8(module, inputs):
    """What a quantised product sees of its input: int8 values with one scale per 32."""
    groups = inputs[0].reshape(*inputs[0].shape[:-1], -1, 32)
    scale = groups.abs().amax(dim=-1, keepdim=True) / 127
    return ((groups / scale).round() * scale).nan_to_num().reshape(inputs[0].shape)


def make_quantised(name, config, seed, types):
    """The reference computes with the dequantised weights, and with activations rounded as the engine's are."""
    model = build(config)
    initialise(model, seed)
    ids = token_ids(seed, TOKENS)
    dequantised = gguf_writer.write(HERE / f"{name}.gguf", model.config, model.state_dict(), types)
    model.load_state_dict(dequantised)
    for module_name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            if types(gguf_writer.gguf_type_key(module_name, model.config)) not in gguf_writer.UNQUANTISED:
                module.register_forward_pre_hook(as_int8)
    write_expected(HERE / f"{name}.gguf.expected.bin", ids, logits_of(model, ids))
    print(f"{name}: {(HERE / (name + '.gguf')).stat().st_size} bytes")


def quantised_case(name, seed):
    llama = transformers.LlamaConfig
    if name == "llama_legacy_quants":
        return make_quantised(name, llama(**dimensions()), seed, gguf_writer.legacy_types)
    large = dimensions(hidden_size=256, intermediate_size=256, num_hidden_layers=1, tie_word_embeddings=True)
    return make_quantised(name, llama(**large), seed, gguf_writer.k_types)


def main():
    for case in llama_cases() + qwen_cases() + gemma_cases() + other_cases():
        model, ids = make(case)
        if case.name in GGUF_CASES:
            make_gguf(case.name, model, ids)
    make_nested_gemma("gemma3_short")
    quantised_case("llama_legacy_quants", 21)
    quantised_case("llama_k_quants", 22)


if __name__ == "__main__":
    main()
