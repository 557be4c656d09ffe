"""Measures Marquee's language models beside llama.cpp, OpenVINO GenAI and transformers; see script/bench."""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "measure"))

import answers
import quiet
import workers
from figures import Samples
from gguf_size import work_of
from llama_cpp import LlamaCpp
from marquee_engine import Marquee
from plan import Plan
from programs import PEERS, ROOT, Broken
from report import Facts, Report, write_docs
from roofline import Roofline
from rows import AVX2, OURS

PEER_NAMES = {"llama.cpp": LlamaCpp, "openvino": workers.openvino, "transformers": workers.transformers}
FULL_ROUNDS = 5


def say(text: str) -> None:
    print(f"\033[1m==>\033[0m {text}" if sys.stderr.isatty() else f"==> {text}", file=sys.stderr, flush=True)


def peers_of(text: str) -> list[str]:
    names = [name for name in text.split(",") if name and name != "none"]
    for name in names:
        if name not in PEER_NAMES:
            raise argparse.ArgumentTypeError(f"there is no peer '{name}'; there are {', '.join(PEER_NAMES)} (and none)")
    return names


def rounds_of(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"must be 1..100, not '{text}'")
    return int(text)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench llm", description=__doc__)
    parser.add_argument("--peers", type=peers_of, default=list(PEER_NAMES), help="with commas between [all]")
    parser.add_argument("--rounds", type=rounds_of, help=f"[{FULL_ROUNDS}; 1 with --quick]")
    parser.add_argument("--quick", action="store_true", help="fewer contexts and numbers of streams, one round")
    parser.add_argument("--threads", type=rounds_of, default=len(os.sched_getaffinity(0)),
                        help="of every engine [one per CPU]")
    parser.add_argument("--model", default="smollm2-135m-instruct", help="an installed model in GGUF")
    parser.add_argument("--data", type=Path, required=True, help="the data folder that holds it")
    parser.add_argument("--no-setup", action="store_true", help="everything is there: install and build nothing")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/ alone also after a full run")
    parser.add_argument("--even-if-busy", action="store_true", help="write docs/ although others used the machine")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else FULL_ROUNDS)
    return arguments


def set_up(peers: list[str]) -> None:
    wanted = [word for peer in peers for word in ("--peer", peer)]
    if wanted and subprocess.run([ROOT / "script/setup", *wanted]).returncode != 0:
        raise Broken("setting up the peers failed; what lacks is said above")


def make_plan(arguments: argparse.Namespace) -> Plan:
    file = arguments.data / "models" / arguments.model / "model.gguf"
    if not file.is_file():
        raise Broken(f"{file} is not there; run: marquee pull {arguments.model} --data {arguments.data}")
    plan = Plan(file.resolve(), arguments.model, arguments.data.resolve(), arguments.threads)
    if arguments.quick:
        plan.contexts, plan.streams = [0, 1024], [1, 16]
    return plan


def check_answers(engines: list) -> dict[str, answers.Agreement]:
    say("comparing answers")
    ours = engines[0].continuations(answers.PROMPTS)
    agreements = {}
    for engine in engines[1:]:
        agreement = answers.compare(ours, engine.continuations(answers.PROMPTS))
        say(f"  {engine.name}: {agreement}")
        if not agreement.enough:
            raise Broken(f"{engine.name} does not answer as Marquee does: {agreement}. Speeds of different models are not "
                         "compared; is it the same file, without a chat template?")
        agreements[engine.name] = agreement
    return agreements


class Run:
    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        self.plan = make_plan(arguments)
        self.samples = Samples()
        self.engines = [Marquee(self.plan), *(PEER_NAMES[name](self.plan) for name in arguments.peers)]
        self.narrow = []
        if "llama.cpp" in arguments.peers:
            self.narrow = [Marquee(self.plan, "avx2"), LlamaCpp(self.plan, "build-avx2")]
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        self.folder = PEERS / "results" / f"llm-{stamp}"
        self.busy = 0.0  # the most that others used before a round
        self.agreements: dict[str, answers.Agreement] = {}

    def steps(self, round_: int):
        """Who measures what, in the order of this round: each round begins with another engine."""
        turn = round_ % len(self.engines)
        order = self.engines[turn:] + self.engines[:turn]
        for engine in order:
            yield engine.name, "contexts", lambda e=engine: e.context(self.plan.contexts)
        for engine in order:
            yield engine.name, "streams", lambda e=engine: e.streams(self.plan.streams)
        yield OURS, "start", self.engines[0].start
        yield OURS, "memory", self.engines[0].memory
        for engine in self.narrow if round_ % 2 == 0 else self.narrow[::-1]:
            yield engine.name + AVX2, "AVX2", lambda e=engine: e.context([0])

    def measure(self) -> None:
        for round_ in range(self.arguments.rounds):
            self.look_around()
            for name, what, step in self.steps(round_):
                begun = time.monotonic()
                self.samples.add(round_, name, step())
                say(f"  round {round_ + 1} of {self.arguments.rounds}: {name}, {what} ({time.monotonic() - begun:.0f} s)")
            self.save()

    def look_around(self) -> None:
        busy = quiet.busy_share()
        self.busy = max(self.busy, busy)
        if busy > quiet.MOST:
            say(f"others use {busy:.0%} of this machine: ratios of such a round say little")

    def save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "samples.json").write_text(json.dumps(self.samples.as_json(), indent=1))

    def report(self) -> Report:
        marquee = self.engines[0]
        machine = marquee.machine
        roofline = Roofline(self.samples.median(OURS, "memory_gb_per_s") * 1e9,
                            self.samples.median(OURS, "int8_gmac_per_s") * 1e9, work_of(self.plan.model),
                            marquee.kv_bytes_per_token)
        described = (f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['isa']}, "
                     f"{machine['memory_bytes'] / 2**30:.0f} GiB, Linux {platform.release()}")
        facts = Facts(command=" ".join(["script/bench", "llm", *self._words()]),
                      date=datetime.date.today().isoformat(), machine=described, busy=self.busy,
                      model=f"`{self.plan.model_name}` ({self.plan.model.stat().st_size / 1e6:.1f} MB)",
                      rounds=self.arguments.rounds, threads=self.plan.threads,
                      versions={engine.name: engine.version for engine in self.engines}, agreements=self.agreements)
        return Report(self.samples, roofline, facts)

    def _words(self) -> list[str]:
        words = [] if self.arguments.peers == list(PEER_NAMES) else ["--peers", ",".join(self.arguments.peers) or "none"]
        words += ["--quick"] if self.arguments.quick else []
        return words + ([] if self.arguments.rounds == FULL_ROUNDS else ["--rounds", str(self.arguments.rounds)])

    @property
    def full(self) -> bool:
        """Whether its figures may stand in the documentation."""
        asked = self.arguments
        return not asked.quick and asked.rounds >= FULL_ROUNDS and set(asked.peers) == set(PEER_NAMES)

    def publish(self) -> None:
        report = self.report()
        (self.folder / "report.md").write_text(report.markdown(), encoding="utf-8")
        for name, svg in report.plots().items():
            (self.folder / name).write_text(svg, encoding="utf-8")
        print(report.markdown())
        say(f"figures, report and plots lie in {self.folder.relative_to(ROOT)}")
        if self.arguments.no_docs:
            return
        if not self.full:
            say(f"docs/ is left alone: it takes a full run (all peers, {FULL_ROUNDS} rounds, without --quick)")
        elif self.busy > quiet.MOST and not self.arguments.even_if_busy:
            say(f"docs/ is left alone: others used up to {self.busy:.0%} of this machine; try when it "
                "is quiet (or --even-if-busy)")
        else:
            say("written: " + ", ".join(str(path.relative_to(ROOT)) for path in write_docs(ROOT / "docs", report)))


def main() -> int:
    arguments = parse_arguments()
    try:
        if not arguments.no_setup:
            set_up(arguments.peers)
        run = Run(arguments)
        run.agreements = check_answers(run.engines)
        run.measure()
        run.publish()
    except Broken as error:
        print(f"script/bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
