"""`marquee run`: one answer, for people and for pipes."""

import json
import os
import time

import pytest

from marquee_server import MODEL, PATIENCE, TEST_DATA

GREEDY = ["--temperature", "0", "--max-tokens", "24"]


def test_the_answer_alone_goes_to_standard_output(with_model):
    done = with_model("run", *GREEDY, "Tell me about a lighthouse.")
    assert done.stdout.strip() and done.stdout.endswith("\n") and done.stderr == ""
    assert "\x1b" not in done.stdout


def test_the_same_seed_gives_the_same_answer(with_model):
    def answer(*arguments):
        return with_model("run", "--max-tokens", "24", "--temperature", "1.2", *arguments, "A pirate says:").stdout

    assert answer("--seed", "7") == answer("--seed", "7") == answer("--seed", "7", "--threads", "1")
    assert len({answer("--seed", str(seed)) for seed in range(4)}) > 1
    greedy = [with_model("run", *GREEDY, "A pirate says:").stdout for _ in range(2)]
    assert greedy[0] == greedy[1]


def test_the_prompt_may_come_through_a_pipe(with_model):
    by_argument = with_model("run", *GREEDY, "Name three ships.").stdout
    assert with_model("run", *GREEDY, stdin="Name three ships.\n").stdout == by_argument
    assert with_model("run", *GREEDY, "-", stdin="Name three ships.").stdout == by_argument


def test_json(with_model):
    answer = with_model.json("run", *GREEDY, "--json", "--raw", "Once upon a time")
    assert answer["model"] == MODEL and answer["finish_reason"] == "length" and answer["completion_tokens"] == 24
    assert answer["prompt_tokens"] == 4 and answer["total_ms"] >= answer["first_token_ms"] >= 0
    assert answer["text"].startswith(","), "it goes on with the text"
    assert with_model("run", *GREEDY, "--raw", "Once upon a time").stdout == answer["text"] + "\n"


def test_a_role_and_a_stop_change_the_answer(with_model):
    plain = with_model("run", *GREEDY, "Who are you?").stdout
    assert with_model("run", *GREEDY, "--system", "You are a dragon named Ember.", "Who are you?").stdout != plain
    word = plain.split()[3]
    assert word not in with_model("run", *GREEDY, "--stop", word, "Who are you?").stdout


def test_how_activations_are_stored_is_chosen(with_model):
    def answer(kind):
        return with_model("run", "--temperature", "0", "--max-tokens", "100", "--activations", kind, "A pirate says:").stdout

    assert answer("int8") == with_model("run", "--temperature", "0", "--max-tokens", "100", "A pirate says:").stdout
    assert answer("int16") != answer("int8"), "they part after a near-tie"


def test_a_model_may_be_a_path(marquee, with_model):
    path = TEST_DATA / "models" / MODEL / "model.gguf"
    by_name = with_model("run", *GREEDY, "Hello").stdout
    assert marquee("run", "-m", path, *GREEDY, "Hello").stdout == by_name
    assert marquee("run", "-m", os.path.relpath(path, marquee.home), *GREEDY, "Hello").stdout == by_name


@pytest.mark.parametrize("arguments, status, said", [
    (["-m", "smollm2-135", "hi"], 3, f"did you mean '{MODEL}'?"),
    (["-m", "xyzzy", "hi"], 3, f"installed: {MODEL}"),
    (["-m", "./none.gguf", "hi"], 3, "there is no model file or folder ./none.gguf"),
    (["-m", "/etc/passwd", "hi"], 1, "not a GGUF file"),
    ([""], 2, "prompt"),
    (["--stop", "", "hi"], 2, "stop"),
    (["--server", "http://127.0.0.1:9", "hi"], 5, "cannot reach the server at http://127.0.0.1:9"),
    (["--max-context", "16", "word " * 100], 1, "context"),
    (["--activations", "int12", "hi"], 2, "int8, int16"),
], ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else None)
def test_what_goes_wrong_is_said_once(with_model, arguments, status, said):
    done = with_model("run", *arguments, status=status)
    assert said in done.stderr and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_input_that_is_no_text(with_model):
    assert "not valid UTF-8" in with_model("run", stdin=b"\xff\xfe", status=2).stderr
    assert "empty" in with_model("run", stdin="\n", status=2).stderr


def test_a_closed_pipe_ends_it(with_model):
    running = with_model.start("run", "--ignore-eos", "--max-tokens", "4000", "hi")
    os.read(running.stdout.fileno(), 1)
    running.stdout.close()
    closed = time.monotonic()
    assert running.wait(timeout=600) == 1
    assert time.monotonic() - closed < 5 * PATIENCE, "it does not compute what nobody reads"


def test_a_server_answers_as_the_engine_does(with_model, running_server):
    asked = ["run", *GREEDY, "--top-p", "1", "Tell me about a whale."]
    local = with_model(*asked).stdout
    remote = with_model(*asked, "--server", running_server.url, MARQUEE_KEY=running_server.key)
    assert remote.stdout == local
    with_slash = with_model(*asked, "--server", running_server.url + "/v1/", "--key", running_server.key)
    assert with_slash.stdout == local
    answer = json.loads(with_model(*asked, "--json", "--server", running_server.url, MARQUEE_KEY=running_server.key).stdout)
    assert answer["text"] + "\n" == local and answer["completion_tokens"] > 0
    assert "API key" in with_model(*asked, "--server", running_server.url, status=4).stderr
    assert "nope" in with_model(*asked, "-m", "nope", "--server", running_server.url, MARQUEE_KEY=running_server.key,
                                status=3).stderr
