"""Marquee: its engine in a process of its own, and behind its server."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from plan import ANSWER_TOKENS, OUTPUT, PREFILL, STREAM_PROMPT, Plan
from programs import ROOT, Broken, output_of

sys.path.append(str(ROOT / "tests/http"))
import marquee_server  # noqa: E402  (a server on a free port with a data folder of its own)

BINARY = marquee_server.BINARY


def bench(*arguments, **environment: str) -> dict:
    return json.loads(output_of([BINARY, "bench", "--json", *arguments], **environment))


def link_folder(source: Path, target: Path) -> None:
    try:
        shutil.copytree(source, target, copy_function=os.link)
    except OSError:  # another file system
        shutil.copytree(source, target, dirs_exist_ok=True)


def bench_server(url: str, key: str, streams: list[int], runs: int = 1) -> dict:
    """Any server's parallel streams, as rows of the table ask for them; also of peers, so that one client measures all."""
    common = ["--server", url, "--sweep", "streams", "--prompt", STREAM_PROMPT, "--warmup", 0]
    bench(*common, "--streams", 1, "--output", 8, "--runs", 1, MARQUEE_KEY=key)  # wakes it up
    return bench(*common, "--streams", ",".join(map(str, streams)), "--output", OUTPUT, "--runs", runs, MARQUEE_KEY=key)


def stream_figures(report: dict) -> dict[str, float]:
    found = {}
    for case in report["cases"]:
        if case["total_completion_tokens"] != case["expected_completion_tokens"]:
            raise Broken(f"answers of {report['model']} ended early: {case['total_completion_tokens']} of "
                         f"{case['expected_completion_tokens']} tokens")
        found[f"output/{case['streams']}"] = case["output_tokens_per_s"]["median"]
        found[f"first_ms/{case['streams']}"] = case["first_token_ms"]["p50"]
    return found


class Marquee:
    name = "Marquee"

    def __init__(self, plan: Plan, isa: str = ""):
        self.plan = plan
        self.environment = {"MARQUEE_ISA": isa} if isa else {}
        self.local = ["-m", plan.model_name, "--data", plan.data, "--threads", plan.threads]
        self.machine: dict = {}
        self.kv_bytes_per_token = 0
        self.version = output_of([BINARY, "--version"]).split()[-1]

    def continuations(self, prompts: list[str]) -> list[str]:
        exact = ["--raw", "--json", "--ignore-eos", "--temperature", 0, "--top-p", 1, "--repetition-penalty", 1,
                 "--max-tokens", ANSWER_TOKENS]
        return [json.loads(output_of([BINARY, "run", *self.local, *exact, prompt], **self.environment))["text"]
                for prompt in prompts]

    def context(self, contexts: list[int]) -> dict[str, float]:
        lengths = sorted({max(1, n) for n in contexts} | {PREFILL})
        report = bench(*self.local, "--sweep", "context", "--contexts", ",".join(map(str, lengths)), "--output", OUTPUT,
                       "--runs", 1, "--warmup", 1, **self.environment)
        self.machine, self.kv_bytes_per_token = report["machine"], report["kv_bytes_per_token"]
        found = {"memory_gb_per_s": self.machine["memory_read_gb_per_s"]["median"],
                 "int8_gmac_per_s": self.machine["int8_gmac_per_s"]["median"]}
        for case in report["cases"]:
            length = case["prompt_tokens"]
            if length == PREFILL:
                found["prefill"] = case["prefill_tokens_per_s"]["median"]
            asked = 0 if length == 1 else length
            if asked in contexts:
                found[f"decode/{asked}"] = case["decode_tokens_per_s"]["median"]
        return found

    def streams(self, counts: list[int]) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            server = self._serve(Path(folder))
            try:
                found = stream_figures(bench_server(server.url, server.key, counts))
            finally:
                server.stop()
        return found | self._http_cost()

    def memory(self) -> dict[str, float]:
        """Of a server that has answered little before, and keeps no prompts that nobody uses."""
        with tempfile.TemporaryDirectory() as folder:
            server = self._serve(Path(folder), "--prefix-cache", "0", "--speculation", "off")
            try:
                return self._memory(server, max(self.plan.streams))
            finally:
                server.stop()

    def _serve(self, folder: Path, *arguments: str, share_packed: bool = False) -> marquee_server.Server:
        data = folder / "data"
        (data / "models").mkdir(parents=True, mode=0o700)
        data.chmod(0o700)
        link_folder(*(place / "models" / self.plan.model_name for place in (self.plan.data, data)))
        if share_packed:
            link_folder(self.plan.data / "cache", data / "cache")
        return marquee_server.Server(data, "--threads", str(self.plan.threads), "--default-model", self.plan.model_name,
                                     *arguments)

    def _http_cost(self) -> dict[str, float]:
        """One stream, a few runs in turn: without HTTP, through it, without, through it, … Both read the very same packed
        weights, mapped from one file: two copies in different places of memory differ by more than HTTP costs."""
        local = ["--sweep", "streams", "--streams", 1, "--prompt", STREAM_PROMPT, "--output", OUTPUT, "--runs", 3]
        found: dict[str, list[float]] = {}
        with tempfile.TemporaryDirectory(dir=self.plan.data.parent) as folder:  # where the file can be linked
            bench(*self.local, *local)  # packs them, if nobody has
            server = self._serve(Path(folder), "--packed-cache", "4GiB", share_packed=True)
            try:
                for _ in range(6):
                    for where, report in (("engine", bench(*self.local, *local)),
                                          ("http", bench_server(server.url, server.key, [1], runs=3))):
                        case = report["cases"][0]
                        found.setdefault(f"{where}_first_ms", []).append(case["first_token_ms"]["p50"])
                        found.setdefault(f"{where}_token_ms", []).append(case["mean_token_ms"]["p50"])
            finally:
                server.stop()
        return {name: statistics.median(values) for name, values in found.items()}

    def _memory(self, server: marquee_server.Server, streams: int) -> dict[str, float]:
        """Resident memory by file + KV pages in use, at the moment when most pages are."""
        moments: list[tuple[float, int]] = []
        done = threading.Event()

        def watch():
            while not done.is_set():
                moments.append((server.metric("marquee_kv_pages_used"), server.resident_bytes()))
                done.wait(0.1)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            bench_server(server.url, server.key, [streams])
        finally:
            done.set()
            watcher.join()
        pages, resident = max(moments)
        in_use = pages * 16 * self.kv_bytes_per_token
        return {"resident_mb": resident / 1e6, "kv_mb": in_use / 1e6,
                "memory": resident / (self.plan.model.stat().st_size + in_use)}

    def start(self) -> dict[str, float]:
        """From starting the program to its first text, the file and any packed cache being there."""
        times = []
        for _ in range(4):
            begun = time.monotonic()
            running = subprocess.Popen([str(word) for word in [
                BINARY, "run", *self.local, "--raw", "--ignore-eos", "--temperature", 0, "--max-tokens", 2,
                "Once upon a time"]], stdout=subprocess.PIPE)
            running.stdout.read(1)
            times.append(time.monotonic() - begun)
            running.stdout.read()
            if running.wait() != 0:
                raise Broken("marquee run failed")
        return {"start_s": sorted(times[1:])[1]}  # the first fills caches
