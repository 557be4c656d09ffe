"""Measures Marquee's training steps beside PyTorch's on the CPU, eager and by torch.compile; see script/bench."""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "measure"))

import quiet
from figures import Samples, number, spread
from page import markdown_table, replace_block
from programs import ROOT, Broken, output_and_peak, output_of

BLOCK = "script/bench train"
OURS, EAGER, COMPILED = "Marquee", "PyTorch eager", "torch.compile"
PYTHON = ROOT / ".venv-slow/bin/python"
BENCH = ROOT / "build/release/bin/nn_bench"
FULL_ROUNDS = 5


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    asked: float  # times the better of PyTorch's


CASES = [Case("mlp", "MLP 784-512-256-10, batch 128", 2.0),
         Case("cnn", "CNN 3-32-64 of 3x3, pooled twice, 4096-128-10; 32x32, batch 64", 1.5),
         Case("gru", "GRU language model, 4,000 words of 128, 256 hidden, 24 steps, batch 32", 2.0),
         Case("encoder", "encoder of 6 layers, 384 wide, 12 heads, 1,536 between; 8 texts of 64 tokens", 1.2)]


def say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


def ours(case: Case, threads: int, seconds: float) -> dict[str, float]:
    said, peak_mb = output_and_peak([BENCH, f"--benchmark_filter=^{case.name}/", f"--benchmark_min_time={seconds}",
                                     "--benchmark_format=json"], MARQUEE_BENCH_THREADS=str(threads))
    return {f"steps/{case.name}": json.loads(said)["benchmarks"][0]["steps/s"], f"peak_mb/{case.name}": peak_mb}


def theirs(case: Case, threads: int, seconds: float, compiled: bool) -> tuple[dict[str, float], str]:
    task = {"case": case.name, "compile": compiled, "seconds": seconds, "threads": threads}
    said = json.loads(output_of([PYTHON, Path(__file__).with_name("torch_worker.py")], stdin=json.dumps(task),
                                CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS=str(threads)).splitlines()[-1])
    return {f"steps/{case.name}": said["steps_per_s"], f"peak_mb/{case.name}": said["peak_mb"]}, said["version"]


def check_answers() -> None:
    """Speeds of networks that learn something else are not compared."""
    say("comparing 20 steps of every layer and optimiser with PyTorch's (tests/oracles/test_training.py)")
    done = subprocess.run([ROOT / ".venv/bin/python", "-m", "pytest", "-q", "-m", "not slow",
                           ROOT / "tests/oracles/test_training.py"], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise Broken("training does not give PyTorch's results:\n" + done.stdout[-2000:])


class Run:
    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        self.samples = Samples()
        self.torch = ""
        self.busy = 0.0

    def measure(self) -> None:
        for round_ in range(self.arguments.rounds):
            self.busy = max(self.busy, quiet.busy_share())
            for case in CASES:
                self._measure_case(case, round_)

    def _measure_case(self, case: Case, round_: int) -> None:
        threads, seconds = self.arguments.threads, self.arguments.seconds
        engines = [OURS, EAGER, COMPILED]
        for engine in engines[round_ % 3:] + engines[:round_ % 3]:
            begun = time.monotonic()
            if engine == OURS:
                values = ours(case, threads, seconds)
            else:
                values, self.torch = theirs(case, threads, seconds, engine == COMPILED)
            self.samples.add(round_, engine, values)
            say(f"  round {round_ + 1} of {self.arguments.rounds}: {case.name}, {engine}: "
                f"{number(values[f'steps/{case.name}'])} steps/s ({time.monotonic() - begun:.0f} s)")

    def ratios(self, case: Case, metric: str, better=max) -> list[float]:
        """Marquee's figure by the better one of PyTorch's, round by round."""
        name = f"{metric}/{case.name}"
        both = zip(*(self.samples.of(engine, name) for engine in (OURS, EAGER, COMPILED)), strict=True)
        return [mine / better(eager, compiled) for mine, eager, compiled in both]

    def rows(self) -> list[list[str]]:
        rows = []
        for case in CASES:
            ratios = self.ratios(case, "steps")
            memory = self.ratios(case, "peak_mb", min)
            rows.append([case.what, *(spread(self.samples.of(engine, f"steps/{case.name}"))
                                      for engine in (OURS, EAGER, COMPILED)),
                         spread(ratios), f"{case.asked:g} ×", "yes" if statistics.median(ratios) >= case.asked else "no",
                         f"{number(self.samples.median(OURS, f'peak_mb/{case.name}'))} MB, {spread(memory)}"])
        return rows

    def markdown(self) -> str:
        cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        return (f"## Training steps beside PyTorch\n\n`script/bench train` on {datetime.date.today().isoformat()}: "
                f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} CPUs; {self.arguments.threads} threads for each; PyTorch "
                f"{self.torch}; {self.arguments.rounds} rounds of {self.arguments.seconds:g} s, engines alternating; others used at most "
                f"{self.busy:.0%} of the machine. Forward, backward and an AdamW step on random data, in steps per second: the "
                "median (lowest-highest); a ratio is that to the better of PyTorch's two in one round; memory is the program's "
                "peak, and its ratio to the lower of theirs (asked: at most 1).\n\n"
                + markdown_table(["network", OURS, EAGER, COMPILED, "ratio", "asked for", "reached", "peak memory, ratio"],
                                 self.rows()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench train", description=__doc__)
    parser.add_argument("--rounds", type=int, default=FULL_ROUNDS, help=f"[{FULL_ROUNDS}]")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement [4]")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="[one per CPU]")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/ alone")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.threads < 1 or not arguments.seconds > 0:
        parser.error("--rounds, --threads and --seconds are positive")
    try:
        check_answers()
        run = Run(arguments)
        run.measure()
        print(run.markdown())
    except Broken as error:
        print(f"script/bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    page = ROOT / "docs/PERFORMANCE.md"
    if arguments.no_docs or arguments.rounds < FULL_ROUNDS or run.busy > quiet.MOST:
        say(f"docs/ is left alone: it takes {FULL_ROUNDS} rounds on a machine that does nothing else, without --no-docs")
    else:
        page.write_text(replace_block(page.read_text(encoding="utf-8"), BLOCK, run.markdown()), encoding="utf-8")
        say("written: docs/PERFORMANCE.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
