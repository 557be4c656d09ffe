"""Measures OpenVINO GenAI: a task as JSON on standard input, figures as JSON on standard output."""

import json
import sys
import time

import numpy
import openvino
import openvino_genai


class Arrivals(openvino_genai.StreamerBase):
    """Notes when tokens come."""

    def __init__(self):
        super().__init__()
        self.times: list[float] = []

    def write(self, token) -> openvino_genai.StreamingStatus:
        self.times += [time.perf_counter()] * (len(token) if isinstance(token, list) else 1)
        return openvino_genai.StreamingStatus.RUNNING

    def end(self) -> None:
        pass


def exact(tokens: int) -> openvino_genai.GenerationConfig:
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = tokens
    config.ignore_eos = True
    config.do_sample = False
    config.apply_chat_template = False
    return config


def random_ids(random, rows: int, length: int) -> openvino_genai.TokenizedInputs:
    ids = random.integers(300, 2000, (rows, length)).astype(numpy.int64)
    return openvino_genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(numpy.ones_like(ids)))


def time_length(pipeline, random, length: int, tokens: int) -> tuple[float, float]:
    """@return seconds to the first token, and from it to the last"""
    arrivals = Arrivals()
    inputs = random_ids(random, 1, length)
    begun = time.perf_counter()
    pipeline.generate(inputs, exact(tokens), arrivals)
    assert len(arrivals.times) == tokens, f"{len(arrivals.times)} tokens instead of {tokens}"
    return arrivals.times[0] - begun, arrivals.times[-1] - arrivals.times[0]


def time_batch(pipeline, random, rows: int, length: int, tokens: int) -> float:
    inputs = random_ids(random, rows, length)
    begun = time.perf_counter()
    result = pipeline.generate(inputs, exact(tokens))
    seconds = time.perf_counter() - begun
    assert [len(each) for each in result.tokens] == [tokens] * rows
    return seconds


def main() -> dict:
    task = json.load(sys.stdin)
    if task["task"] == "version":
        return {"version": openvino_genai.__version__}
    pipeline = openvino_genai.LLMPipeline(task["model"], "CPU", INFERENCE_NUM_THREADS=task["threads"])
    random = numpy.random.default_rng(1)
    if task["task"] == "texts":
        return {"texts": [str(pipeline.generate(prompt, exact(task["tokens"]))) for prompt in task["prompts"]]}
    if task["task"] == "lengths":
        for length in task["lengths"]:
            time_length(pipeline, random, min(length, 512), 4)  # warms up; shapes are compiled when first seen
        return {"lengths": [time_length(pipeline, random, length, task["tokens"]) for length in task["lengths"]]}
    for rows in task["batches"]:
        time_batch(pipeline, random, rows, task["prompt"], 2)
    return {"seconds": [time_batch(pipeline, random, rows, task["prompt"], task["tokens"]) for rows in task["batches"]]}


print("\n" + json.dumps(main()))
