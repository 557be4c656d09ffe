"""`marquee bench`: figures of the engine in the process and of servers, as a table and as JSON."""

import json
import signal
import time

import pytest

from marquee_server import MODEL, PATIENCE
from openai_stub import StubServer

QUICK = ["bench", "--runs", "2", "--warmup", "0", "--output", "8"]


def rate(case, name):
    spread = case[name]
    assert 0 < spread["min"] <= spread["median"] <= spread["max"], (name, case)
    return spread["median"]


def test_the_engine_in_this_process(with_model):
    report = with_model.json(*QUICK, "--sweep", "context,streams,threads", "--contexts", "16,40", "--streams", "3",
                             "--thread-counts", "1,2", "--prompt", "20", "--json")
    assert report["model"] == MODEL and report["model_bytes"] > 90e6 and report["load_s"] > 0
    assert report["kv_bytes_per_token"] > 0 and report["kv_bytes_per_token"] % (30 * 3 * 64 * 2) == 0, "layers, heads, width"
    machine = report["machine"]
    assert machine["isa"] in ("scalar", "avx2", "avxvnni", "avx512", "neon") and machine["cpus"] >= 1
    assert machine["memory_read_gb_per_s"]["min"] > 0.1 and machine["int8_gmac_per_s"]["min"] > 0.1
    cases = report["cases"]
    assert [(c["sweep"], c["streams"], c["prompt_tokens"], c["threads"]) for c in cases] == [
        ("context", 1, 16, 2), ("context", 1, 40, 2), ("streams", 3, 20, 2), ("threads", 1, 20, 1), ("threads", 1, 20, 2)]
    for case in cases:
        asked = 2 * case["streams"]  # two runs
        assert case["total_completion_tokens"] == case["expected_completion_tokens"] == asked * 8, "counts are exact"
        assert case["total_prompt_tokens"] == asked * case["prompt_tokens"]
        rate(case, "output_tokens_per_s")
        first, token = case["first_token_ms"], case["token_ms"]
        assert first["count"] == asked and 0 < token["count"] <= asked * 7
        for times in (first, token):
            assert 0 <= times["min"] <= times["p50"] <= times["p90"] <= times["p95"] <= times["p99"] <= times["max"]
        assert (case["prefill_tokens_per_s"] is None) == (case["streams"] > 1)
        assert case["resident_bytes"] > 90e6


def test_the_table_alone_goes_to_standard_output(with_model):
    done = with_model(*QUICK, "--sweep", "context", "--contexts", "16")
    assert done.stderr == "" and "\x1b" not in done.stdout
    assert "Over context: one stream, 8 tokens of output" in done.stdout and MODEL in done.stdout
    assert "of the memory read speed" in done.stdout and "Over threads" not in done.stdout


def test_a_terminal_shows_how_far_it_is(marquee, with_model, terminal):
    screen = terminal(*QUICK, "--sweep", "streams", "--streams", "2", "--prompt", "16")
    screen.read_until("run 1 of 2: 2 streams of 16 + 8 tokens")
    screen.read_until("Over parallel streams")
    assert screen.wait() == 0


@pytest.mark.parametrize("arguments, status, said", [
    (["-m", "smollm2-135"], 3, f"did you mean '{MODEL}'?"),
    (["--contexts", "8190", "--output", "8"], 2, "do not fit the model's context of 8192"),
    (["--max-context", "64", "--sweep", "streams"], 2, "context of 64"),
    (["--key", "x"], 2, "give --server too"),
    (["--server", "http://127.0.0.1:9"], 5, "cannot reach the server at http://127.0.0.1:9"),
], ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None)
def test_what_goes_wrong_is_said_once(with_model, arguments, status, said):
    done = with_model("bench", *arguments, status=status)
    assert said in done.stderr and done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_ctrl_c_leaves(with_model):
    running = with_model.start("bench", "--contexts", "16", "--output", "8000")
    time.sleep(1.5)
    asked = time.monotonic()
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60 * PATIENCE) == 130
    assert time.monotonic() - asked < 10 * PATIENCE, "it waits for no answer"
    assert running.stdout.read() == ""


@pytest.mark.parametrize("kind", ["tokens", "text", "chat"])
def test_a_marquee_server(with_model, running_server, kind):
    report = with_model.json(*QUICK, "--server", running_server.url + "/v1/", "--prompts", kind, "--sweep", "streams",
                             "--streams", "1,3", "--prompt", "20", "--json", MARQUEE_KEY=running_server.key)
    assert report["model"] == MODEL and report["server"] == running_server.url and "machine" not in report
    for case in report["cases"]:
        assert case["total_completion_tokens"] == 2 * case["streams"] * 8
        rate(case, "output_tokens_per_s")
        if kind == "tokens":
            assert case["total_prompt_tokens"] == 2 * case["streams"] * 20
    assert "API key" in with_model(*QUICK, "--server", running_server.url, status=4).stderr


def test_times_are_those_of_the_server(marquee):
    with StubServer(first_s=0.2, step_s=0.05) as server:
        report = marquee.json("bench", "--server", server.url, "--sweep", "streams", "--streams", "1,4", "--output", "6",
                              "--runs", "2", "--warmup", "1", "--json")
    one, four = report["cases"]
    for case in (one, four):
        assert 200 <= case["first_token_ms"]["p50"] < 200 + 100 * PATIENCE
        assert 45 <= case["token_ms"]["p50"] < 50 + 50 * PATIENCE and case["token_ms"]["count"] == 2 * 5 * case["streams"]
    assert 20 / (1 + PATIENCE) < rate(one, "decode_tokens_per_s") <= 20.5
    assert rate(four, "decode_tokens_per_s") > 2 * rate(one, "decode_tokens_per_s")
    assert len(server.bodies) == 3 * 5, "warm-up runs are sent and not counted"
    prompts = [tuple(body["prompt"]) for body in server.bodies]
    assert len(set(prompts)) == len(prompts) == len({prompt[:2] for prompt in prompts}), "no prompt was seen before"
    assert all(body["ignore_eos"] and body["stream_options"] == {"include_usage": True} for body in server.bodies)


def test_the_same_seed_asks_the_same(marquee):
    def asked(seed):
        with StubServer() as server:
            marquee(*QUICK, "--server", server.url, "--sweep", "streams", "--streams", "1", "--seed", seed)
            return server.bodies

    assert asked(5) == asked(5) != asked(6)


def test_without_a_seed_no_server_knows_the_prompts(marquee):
    with StubServer() as server:
        seeds = {marquee.json(*QUICK, "--server", server.url, "--sweep", "streams", "--streams", "1", "--json")["seed"]
                 for _ in range(2)}
    prompts = {tuple(body["prompt"]) for body in server.bodies}
    assert len(seeds) == 2 and len(prompts) == len(server.bodies) == 4


def test_servers_that_can_less(marquee):
    with StubServer(takes_ids=False) as server:
        refused = marquee(*QUICK, "--server", server.url, status=2)
        assert "prompt must be text" in refused.stderr and "--prompts text or --prompts chat" in refused.stderr
        marquee(*QUICK, "--server", server.url, "--prompts", "text", "--sweep", "streams")
    with StubServer(counts=False) as server:
        report = marquee.json(*QUICK, "--server", server.url, "--sweep", "streams", "--allow-eos", "--json")
        assert report["cases"][0]["total_completion_tokens"] == 16, "pieces of text are counted instead"
        assert "ignore_eos" not in server.bodies[0]
    with StubServer(ends=False) as server:
        assert "broke the answer off" in marquee(*QUICK, "--server", server.url, status=5).stderr
