"""The rows of the comparison: what is asked of Marquee, beside whom, and how much."""

import statistics
from dataclasses import dataclass

from figures import Samples, number, spread
from gguf_size import Work

OURS = "Marquee"
AVX2 = " (AVX2)"


@dataclass
class Row:
    what: str
    ours: str
    theirs: str
    ratios: list[float]  # one a round
    asked: str
    limit: float
    at_least: bool = True

    @property
    def reached(self) -> bool | None:
        """None: not measured"""
        if not self.ratios:
            return None
        middle = statistics.median(self.ratios)
        return middle >= self.limit if self.at_least else middle <= self.limit

    def cells(self) -> list[str]:
        verdict = {None: "not measured", True: "yes", False: "no"}[self.reached]
        return [self.what, self.ours, self.theirs, spread(self.ratios), self.asked, verdict]


@dataclass(frozen=True)
class Comparison:
    what: str
    metric: str
    unit: str
    peer: str
    asked: str
    limit: float
    at_least: bool = True
    variant: str = ""  # of both engines

    def row(self, samples: Samples) -> Row:
        ours, theirs = (OURS + self.variant, self.metric), (self.peer + self.variant, self.metric)
        measured = samples.of(*theirs)
        return Row(self.what, f"{spread(samples.of(*ours))} {self.unit}",
                   f"{self.peer}: {spread(measured)}" + (f" {self.unit}" if measured else ""),
                   samples.ratios(ours, theirs), self.asked, self.limit, self.at_least)


COMPARISONS = [
    Comparison("prefill, 512 tokens", "prefill", "tok/s", "llama.cpp", "6 ×", 6),
    Comparison("prefill, 512 tokens", "prefill", "tok/s", "OpenVINO GenAI", "1.5 ×", 1.5),
    Comparison("decode, 1 stream, context 0", "decode/0", "tok/s", "llama.cpp", "2 ×", 2),
    Comparison("decode, 1 stream, context 1,024", "decode/1024", "tok/s", "llama.cpp", "2 ×", 2),
    Comparison("16 streams through HTTP, 136 + 64 tokens", "output/16", "output tok/s", "llama.cpp", "8 ×", 8),
    Comparison("their median time to first token", "first_ms/16", "ms", "llama.cpp", "at most 1/6", 1 / 6, at_least=False),
    Comparison("AVX2 only, prefill, 512 tokens", "prefill", "tok/s", "llama.cpp", "1.3 ×", 1.3, variant=AVX2),
    Comparison("AVX2 only, decode, context 0", "decode/0", "tok/s", "llama.cpp", "1.3 ×", 1.3, variant=AVX2),
]


def _memory_speed_row(samples: Samples, work: Work) -> Row:
    shares = [ratio * work.file_bytes / 1e9
              for ratio in samples.ratios((OURS, "decode/0"), (OURS, "memory_gb_per_s"))]
    read = samples.median(OURS, "decode/0")
    ours = f"{number(read * work.file_bytes / 1e9)} GB/s of weights" if read else "not measured"
    return Row("decode, 1 stream, context 0, by memory read speed", ours,
               f"the machine: {spread(samples.of(OURS, 'memory_gb_per_s'))} GB/s", shares, "0.8", 0.8)


def _context_row(samples: Samples) -> Row:
    times = {n: [1000 / rate for rate in samples.of(OURS, f"decode/{n}")] for n in (0, 4096)}
    return Row("a token's time at context 4,096 by that at 0", f"{spread(times[4096])} ms", f"at 0: {spread(times[0])} ms",
               samples.ratios((OURS, "decode/0"), (OURS, "decode/4096")), "at most 2.5", 2.5, at_least=False)


def _http_row(samples: Samples, metric: str, what: str) -> Row:
    return Row(f"1 stream through HTTP, {what}", f"{spread(samples.of(OURS, 'http_' + metric))} ms",
               f"without HTTP: {spread(samples.of(OURS, 'engine_' + metric))} ms",
               samples.ratios((OURS, "http_" + metric), (OURS, "engine_" + metric)), "at most 1.05", 1.05, at_least=False)


def _own_rows(samples: Samples) -> list[Row]:
    start, memory = samples.of(OURS, "start_s"), samples.of(OURS, "memory")
    used = f"{spread(samples.of(OURS, 'resident_mb'))} MB resident"
    return [
        Row("start to first token, seconds", f"{spread(start)} s", "", start, "at most 0.5", 0.5, at_least=False),
        Row("resident memory by file + KV pages in use", used, f"KV pages: {spread(samples.of(OURS, 'kv_mb'))} MB", memory,
            "at most 1.25", 1.25, at_least=False),
    ]


def all_rows(samples: Samples, work: Work) -> list[Row]:
    rows = [comparison.row(samples) for comparison in COMPARISONS]
    rows[4:4] = [_memory_speed_row(samples, work), _context_row(samples)]
    rows[8:8] = [_http_row(samples, "first_ms", "time to first token"), _http_row(samples, "token_ms", "time per token"),
                 *_own_rows(samples)]
    return rows
