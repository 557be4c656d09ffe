"""What structured output costs beside free text, for one answer and for many together."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from marquee_server import MODEL, SANITIZED

TOKENS = 64
ROUNDS = 9
# Longer than an answer can be here, so that both kinds have the same number of tokens.
SCHEMA = {"type": "object", "properties": {"text": {"type": "string", "minLength": 600}}, "required": ["text"],
          "additionalProperties": False}
FORMATS = {"free text": None,
           "any object": {"type": "json_object"},
           "a schema": {"type": "json_schema", "json_schema": {"name": "story", "schema": SCHEMA, "strict": True}}}


def seconds_a_token(server, streams: int, response_format: dict | None) -> float:
    """Of `streams` answers at once."""
    def ask(index: int) -> int:
        body = {"model": MODEL, "max_tokens": TOKENS, "temperature": 0.8, "seed": index, "ignore_eos": True,
                "messages": [{"role": "user", "content": f"Tell a long story about ship {index}, as JSON."}]}
        if response_format:
            body["response_format"] = response_format
        answer = server.request("POST", "/v1/chat/completions", body)
        assert answer.status == 200, answer.body
        return answer.json()["usage"]["completion_tokens"]

    begin = time.monotonic()
    with ThreadPoolExecutor(streams) as pool:
        tokens = sum(pool.map(ask, range(streams)))
    return (time.monotonic() - begin) / tokens


@pytest.mark.slow
@pytest.mark.skipif(SANITIZED, reason="a sanitizer's checks cost a time of their own")
@pytest.mark.parametrize("streams", [1, 4, 16])
def test_structured_output_costs_at_most_five_percent(start_server, streams):
    server = start_server("--speculation", "off")
    for response_format in FORMATS.values():
        seconds_a_token(server, streams, response_format)  # compiles, and keeps the prompts
    rounds = [{name: seconds_a_token(server, streams, response_format) for name, response_format in FORMATS.items()}
              for _ in range(ROUNDS)]
    for name in list(FORMATS)[1:]:
        ratios = sorted(times[name] / times["free text"] for times in rounds)
        print(f"{streams} at once, {name}: {statistics.median(ratios):.3f} of free text's time a token "
              f"({ratios[0]:.3f}-{ratios[-1]:.3f})")
        # The lower half: what others do on the machine makes single rounds long.
        assert statistics.median(ratios[:ROUNDS // 2 + 1]) < 1.05, ratios
