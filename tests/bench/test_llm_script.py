"""`script/bench` as it is called."""

import subprocess

import pytest

from marquee_server import ROOT


def bench(*arguments):
    return subprocess.run([ROOT / "script/bench", *arguments], capture_output=True, text=True, timeout=60)


def test_help():
    assert "script/bench llm" in bench("--help").stdout and "script/bench kernels" in bench("--help").stdout
    assert "--filter" in bench("kernels", "--help").stdout
    assert "--peers" in bench("llm", "--help").stdout
    assert bench().returncode == 2


@pytest.mark.parametrize("arguments, said", [
    (["lmm"], "there is no benchmark 'lmm'"),
    (["--quick"], "unknown option '--quick'"),
    (["llm", "--no-setup", "--peers", "vllm"], "there is no peer 'vllm'; there are llama.cpp, openvino, transformers"),
    (["llm", "--no-setup", "--rounds", "0"], "1..100"),
    (["llm", "--no-setup", "--model", "nope"], "marquee pull nope"),
])
def test_wrong_arguments_are_explained(arguments, said):
    done = bench(*arguments)
    assert done.returncode != 0 and said in done.stderr and "Traceback" not in done.stderr


def test_a_run_without_peers():
    """From the measurement to the table, with Marquee alone."""
    done = subprocess.run([ROOT / "script/bench", "llm", "--no-setup", "--peers", "none", "--quick", "--no-docs"],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "start to first token" in done.stdout and "not measured" in done.stdout
    prefill = next(line for line in done.stdout.splitlines() if line.startswith("| Marquee |"))
    assert float(prefill.split("|")[2].replace(",", "")) > 1
