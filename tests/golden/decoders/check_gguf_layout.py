#!/usr/bin/env python3
"""Compares the .gguf files made here with those of llama.cpp's own converter: same tensors, same bytes, same metadata.

    python check_gguf_layout.py LLAMA_CPP_FOLDER    # the source tree that holds convert_hf_to_gguf.py

The converter wants a tokenizer, which the tiny models do not have; that step is skipped.
"""
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
NAMES = ("llama", "llama_sharded", "llama_llama3", "llama_yarn", "llama_linear", "qwen2", "qwen3", "gemma2", "gemma3",
         "phi3", "gpt2")
# Said by one side only, without meaning for the arithmetic.
NOT_COMPARED = ("GGUF.", "general.", "tokenizer.", ".vocab_size", ".rope.scaling.finetuned")
PYTHON_CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
                  "gemma2": "Gemma2ForCausalLM", "gemma3_text": "Gemma3ForCausalLM", "phi3": "Phi3ForCausalLM",
                  "gpt2": "GPT2LMHeadModel"}


def converter_classes(source):
    sys.path.insert(0, str(source / "gguf-py"))
    sys.path.insert(0, str(source))
    from conversion import gemma, gpt2, llama, phi, qwen
    return {"llama": llama.LlamaModel, "qwen2": qwen.Qwen2Model, "qwen3": qwen.Qwen3Model, "gemma2": gemma.Gemma2Model,
            "gemma3_text": gemma.Gemma3Model, "phi3": phi.Phi3MiniModel, "gpt2": gpt2.GPT2Model}


def convert(base, folder, target):
    import gguf

    class WithoutTokenizer(base):
        model_arch = base.model_arch

        def set_vocab(self):
            pass

    # Gemma's converter counts the tokens of tokenizer.json to cut unused rows off the embedding.
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"]
    tokenizer = {"model": {"vocab": dict.fromkeys(map(str, range(config["vocab_size"])), 0)}, "added_tokens": []}
    with tempfile.TemporaryDirectory() as scratch:
        for file in folder.glob("*.safetensors*"):
            (Path(scratch) / file.name).symlink_to(file)
        stated = {"architectures": [PYTHON_CLASSES[kind]], "n_ctx": config.get("n_positions")}
        (Path(scratch) / "config.json").write_text(json.dumps(config | stated))
        (Path(scratch) / "tokenizer.json").write_text(json.dumps(tokenizer))
        model = WithoutTokenizer(dir_model=Path(scratch), ftype=gguf.LlamaFileType.MOSTLY_F16, fname_out=target)
        model.write()


def contents(path):
    import gguf
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()
              if not any(part in name for part in NOT_COMPARED)}
    tensors = {tensor.name: (tensor.tensor_type.name, np.array(tensor.data)) for tensor in reader.tensors}
    return fields, tensors


def differences(ours, theirs):
    our_fields, our_tensors = ours
    their_fields, their_tensors = theirs
    for name in sorted(our_tensors.keys() | their_tensors.keys()):
        if name not in our_tensors or name not in their_tensors:
            yield f"tensor {name}: only {'ours' if name in our_tensors else 'theirs'}"
            continue
        (our_type, our_data), (their_type, their_data) = our_tensors[name], their_tensors[name]
        same_values = our_data.size == their_data.size and np.allclose(
            our_data.astype(np.float32).ravel(), their_data.astype(np.float32).ravel(), rtol=1e-6, atol=0)
        if not same_values:
            yield f"tensor {name}: values differ ({our_type}, {their_type})"
    for name in sorted(our_fields.keys() | their_fields.keys()):
        if name not in our_fields or name not in their_fields:
            print(f"    ({name} is said by {'us' if name in our_fields else 'the converter'} alone)")
        elif not np.isclose(our_fields[name], their_fields[name]) if isinstance(our_fields[name], float) else (
                our_fields[name] != their_fields[name]):
            yield f"key {name}: ours {our_fields[name]}, theirs {their_fields[name]}"


def main():
    classes = converter_classes(Path(sys.argv[1]).resolve())
    failed = 0
    for name in NAMES:
        config = json.loads((HERE / name / "config.json").read_text())
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch) / "theirs.gguf"
            convert(classes[config["model_type"]], HERE / name, target)
            found = list(differences(contents(HERE / f"{name}.gguf"), contents(target)))
        print(f"{name}: {'differs' if found else 'same'}")
        for line in found:
            print(f"    {line}")
        failed += bool(found)
    sys.exit(failed)


if __name__ == "__main__":
    main()
