"""Measures transformers on PyTorch's CPU code in float32, the weights being what the GGUF file's blocks stand for."""

import json
import sys
import time
from pathlib import Path

import torch
import transformers


class Model:
    def __init__(self, path: Path, threads: int):
        torch.set_num_threads(threads)
        where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
        self.model = transformers.AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32).eval()
        self.where = where

    @torch.inference_mode()
    def generate(self, ids: torch.Tensor, tokens: int) -> tuple[torch.Tensor, list[float]]:
        """Greedy. @return the new ids [rows, tokens], and when each column was known"""
        cache, new, times = None, [], []
        step = ids
        for _ in range(tokens):
            out = self.model(step, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache, step = out.past_key_values, out.logits[:, -1].argmax(-1, keepdim=True)
            new.append(step)
            times.append(time.perf_counter())
        return torch.cat(new, 1), times

    def texts(self, prompts: list[str], tokens: int) -> list[str]:
        tokenizer = transformers.AutoTokenizer.from_pretrained(**self.where)
        found = []
        for prompt in prompts:
            ids = tokenizer(prompt, return_tensors="pt").input_ids
            found.append(tokenizer.decode(self.generate(ids, tokens)[0][0]))
        return found

    def time_length(self, length: int, tokens: int) -> tuple[float, float]:
        ids = torch.randint(300, 2000, (1, length))
        begun = time.perf_counter()
        times = self.generate(ids, tokens)[1]
        return times[0] - begun, times[-1] - times[0]

    def time_batch(self, rows: int, length: int, tokens: int) -> float:
        ids = torch.randint(300, 2000, (rows, length))
        begun = time.perf_counter()
        return self.generate(ids, tokens)[1][-1] - begun


def main() -> dict:
    task = json.load(sys.stdin)
    if task["task"] == "version":
        return {"version": f"{transformers.__version__}, PyTorch {torch.__version__}, float32"}
    torch.manual_seed(1)
    model = Model(Path(task["model"]), task["threads"])
    if task["task"] == "texts":
        return {"texts": model.texts(task["prompts"], task["tokens"])}
    model.time_batch(2, 64, 4)  # warms up
    if task["task"] == "lengths":
        return {"lengths": [model.time_length(length, task["tokens"]) for length in task["lengths"]]}
    return {"seconds": [model.time_batch(rows, task["prompt"], task["tokens"]) for rows in task["batches"]]}


print("\n" + json.dumps(main()))
