"""Help, wrong arguments, exit codes, and the version."""

import json

import pytest

from program import copy_model

COMMANDS = ["serve", "pull", "list", "rm", "chat", "run", "bench", "key", "usage", "doctor", "version"]
SUBCOMMANDS = [["key", "create"], ["key", "list"], ["key", "revoke"]]


def test_help_lists_every_command_with_examples_and_exit_codes(marquee):
    text = marquee("--help").stdout
    for command in COMMANDS:
        assert f"\n  {command} " in text
    assert "Examples:" in text and "Exit codes:" in text


@pytest.mark.parametrize("command", [[name] for name in COMMANDS] + SUBCOMMANDS, ids=" ".join)
def test_each_command_has_help_with_examples(marquee, command):
    text = marquee(*command, "--help").stdout
    examples = text.partition("Examples:")[2]
    assert f"marquee {' '.join(command)}" in examples
    assert all(line == line.rstrip() for line in examples.splitlines()), "white space at a line's end"


def test_help_without_arguments_goes_to_standard_error(marquee):
    done = marquee(status=2)
    assert "Examples:" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("arguments, said", [
    (["serv"], "did you mean 'marquee serve'?"),
    (["key", "crate"], "did you mean 'marquee key create'?"),
    (["serve", "--prot", "1"], "did you mean --port?"),
    (["serve", "extra"], "'extra' is one argument too many"),
    (["serve", "--port"], "--port needs a value"),
    (["serve", "--port", "65536"], "0..65535"),
    (["serve", "--max-body", "1 TB"], "1KiB..1GiB"),
    (["run", "--temperature", "3", "hi"], "0..2"),
    (["run", "--seed", "-1", "hi"], "seed"),
    (["rm"], "names is required"),
    (["bench", "--streams", "1,none"], "--streams must be whole numbers in 1..256"),
    (["bench", "--contexts", "0"], "--contexts must be whole numbers"),
    (["bench", "--sweep", "batch"], "'context', 'streams' or 'threads'"),
    (["bench", "--runs", "0"], "--runs"),
    (["bench", "--temperature", "nan"], "--temperature"),
    (["bench", "--prompts", "words"], "--prompts"),
    (["bench", "--prompts", "text"], "give --server too"),
    (["bench", "--server", "http://127.0.0.1:9", "--sweep", "threads"], "a server's threads"),
    (["key", "create", "--scope", "everything"], "'infer', 'admin' or both"),
    (["key", "create", "--tenant", "A B"], "a tenant's name"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_arguments_are_explained(marquee, arguments, said):
    done = marquee(*arguments, status=2)
    assert said in done.stderr and done.stderr.startswith("marquee: ") and done.stdout == ""
    assert not marquee.data.exists(), "a wrong command line makes nothing"


def test_version(marquee):
    assert marquee("version").stdout == marquee("--version").stdout
    about = marquee.json("version", "--json")
    assert marquee("version").stdout == f"marquee {about['version']}\n"
    assert {"version", "build", "compiler", "schema", "isa", "libraries"} <= about.keys()


def test_commands_on_nothing_say_how_to_begin(marquee):
    assert "marquee list --available" in marquee("list").stderr
    assert marquee.json("list", "--json") == {"models": [], "broken": []}
    for arguments in (["chat"], ["run", "hi"], ["bench"]):
        assert "marquee pull" in marquee(*arguments, status=3).stderr
    for arguments in (["usage"], ["key", "list"], ["key", "revoke", "x"]):
        assert "marquee serve" in marquee(*arguments, status=3).stderr
    assert not marquee.data.exists()


def test_doctor(with_model):
    lines = with_model("doctor", "--port", "0").stdout.splitlines()
    assert all(line.startswith(("ok ", "warning ")) for line in lines)
    report = with_model.json("doctor", "--port", "0", "--quick", "--json")
    assert report["ok"] and {"cpu", "data", "models", "memory", "network"} <= {each["about"] for each in report["findings"]}


def test_doctor_says_which_instruction_set_and_why(marquee):
    assert "computes with avx2" in marquee("doctor", "--port", "0", MARQUEE_ISA="avx2").stdout
    done = marquee("doctor", "--port", "0", MARQUEE_ISA="neon", status=1)
    assert "problem" in done.stdout and "MARQUEE_ISA" in done.stdout


def test_doctor_finds_what_is_wrong(marquee):
    file = copy_model(marquee.data)
    file.chmod(0o600)
    with open(file, "r+b") as model:
        model.seek(50_000_000)
        model.write(b"spoilt")
    marquee.data.chmod(0o777)
    report = json.loads(marquee("doctor", "--port", "0", "--json", status=1).stdout)
    problems = "\n".join(each["text"] for each in report["findings"] if each["level"] == "problem")
    assert "chmod 0700" in problems and "SHA-256" in problems and not report["ok"]
