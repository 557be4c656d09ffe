"""What structured output costs beside free text, for one answer and for many together."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from marquee_server import MODEL, SANITIZED

TOKENS = 64
ROUNDS = 9
# Longer than an answer can be here.
SCHEMA = {"type": "object", "properties": {"text": {"type": "string", "minLength": 600}}, "required": ["text"],
          "additionalProperties": False}
FORMATS = {"free text": None,
           "any object": {"type": "json_object"},
           "a schema": {"type": "json_schema", "json_schema": {"name": "story", "schema": SCHEMA, "strict": True}}}


def ask(server, index: int, seed: int, response_format: dict | None) -> int:
    """@return how many tokens the answer has"""
    body = {"model": MODEL, "max_tokens": TOKENS, "temperature": 0.8, "seed": seed, "ignore_eos": True,
            "messages": [{"role": "user", "content": f"Tell a long story about ship {index}, as JSON."}]}
    if response_format:
        body["response_format"] = response_format
    answer = server.request("POST", "/v1/chat/completions", body)
    assert answer.status == 200, answer.body
    return answer.json()["usage"]["completion_tokens"]


def long_seed(server, index: int, response_format: dict | None) -> int:
    """A seed whose answer does not end early: others would leave the batch, and its last tokens cost more each."""
    return next(seed for seed in range(index, 100 + index)
                if ask(server, index, seed, response_format) == TOKENS)


def seconds(server, seeds: list[int], response_format: dict | None) -> float:
    """Of as many answers at once as there are seeds."""
    begin = time.monotonic()
    with ThreadPoolExecutor(len(seeds)) as pool:
        tokens = list(pool.map(lambda index, seed: ask(server, index, seed, response_format), range(len(seeds)), seeds))
    taken = time.monotonic() - begin
    assert tokens == [TOKENS] * len(seeds)
    return taken


@pytest.mark.slow
@pytest.mark.skipif(SANITIZED, reason="a sanitizer's checks cost a time of their own")
@pytest.mark.parametrize("streams", [1, 4, 16])
def test_structured_output_costs_at_most_five_percent(start_server, streams):
    server = start_server("--speculation", "off")
    # Which also compiles, and keeps the prompts.
    seeds = {name: [long_seed(server, index, response_format) for index in range(streams)]
             for name, response_format in FORMATS.items()}
    rounds = [{name: seconds(server, seeds[name], response_format) for name, response_format in FORMATS.items()}
              for _ in range(ROUNDS)]
    for name in list(FORMATS)[1:]:
        ratios = sorted(times[name] / times["free text"] for times in rounds)
        print(f"{streams} at once, {name}: {statistics.median(ratios):.3f} of free text's time "
              f"({ratios[0]:.3f}-{ratios[-1]:.3f})")
        # The lower half: what others do on the machine makes single rounds long.
        assert statistics.median(ratios[:ROUNDS // 2 + 1]) < 1.05, ratios
