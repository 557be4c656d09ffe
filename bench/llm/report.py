"""The LLM part of docs/PERFORMANCE.md and its plots."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

import plot
from answers import Agreement
from figures import Samples, number, spread
from page import markdown_table, replace_block
from plan import OUTPUT, PREFILL, STREAM_PROMPT
from roofline import Roofline
from rows import OURS, all_rows

BLOCK = "script/bench llm"
PLOTS = {"streams": "llm-streams.svg", "context": "llm-context.svg"}


@dataclass
class Facts:
    """What a reader needs to know about a run besides its figures."""
    command: str
    date: str
    machine: str
    busy: float  # the part of the machine that others used, at most
    model: str
    rounds: int
    threads: int
    versions: dict[str, str]
    agreements: dict[str, Agreement] = field(default_factory=dict)


def _series_table(samples: Samples, engines: list[str], prefix: str, first: str, limits: dict[int, float]) -> str:
    numbers = sorted({n for engine in engines for n in samples.metrics(engine, prefix)})
    rows = []
    for n in numbers:
        cells = [spread(samples.of(engine, f"{prefix}/{n}")) for engine in engines]
        rows.append([f"{n:,}", *cells, number(limits[n]) if n in limits else ""])
    return markdown_table([first, *engines, "roofline"], rows)


class Report:
    def __init__(self, samples: Samples, roofline: Roofline, facts: Facts):
        self.samples, self.roofline, self.facts = samples, roofline, facts
        self.engines = list(facts.versions)

    def _limits(self, prefix: str) -> dict[int, float]:
        numbers = self.samples.metrics(OURS, prefix)
        if prefix == "decode":
            return {n: self.roofline.decode(n) for n in numbers}
        return {n: self.roofline.output(n, STREAM_PROMPT, OUTPUT) for n in numbers}

    def plots(self) -> dict[str, str]:
        """@return {file name: SVG}"""
        titles = {"context": ("Decoding one stream over its context", "tokens of context", "decode", "tokens per second"),
                  "streams": (f"Parallel streams of {STREAM_PROMPT} + {OUTPUT} tokens", "streams", "output",
                              "output tokens per second")}
        drawn = {}
        for name, (title, x_label, prefix, y_label) in titles.items():
            lines = [plot.Line(engine, self.samples.metrics(engine, prefix)) for engine in self.engines]
            lines.append(plot.Line("roofline", self._limits(prefix), dashed=True))
            drawn[PLOTS[name]] = plot.draw(title, x_label, y_label, lines)
        return drawn

    def _head(self) -> str:
        facts = self.facts
        versions = "; ".join(f"{name} {version}" for name, version in facts.versions.items())
        return (f"`{facts.command}` on {facts.date}: {facts.machine}; {facts.threads} threads for every engine; {facts.model}; "
                f"{facts.rounds} round{'s' if facts.rounds > 1 else ''}, engines alternating within each; others used "
                f"at most {facts.busy:.0%} of the machine. {versions}. Given are the median (lowest-highest) over the rounds; a ratio "
                "is that of two figures of one round.\n")

    def _answers(self) -> str:
        lines = [f"- {name}: {agreement}." for name, agreement in self.facts.agreements.items()]
        return ("### Answers\n\nChecked first: every engine goes on greedily with the same texts from the same file. Compared "
                "with Marquee's answers:\n\n" + "\n".join(lines) + "\n\nThey cannot stay equal: Marquee and llama.cpp round "
                "activations to 8 bits, each in its way, transformers computes in float32, and OpenVINO GenAI turns "
                "the file's blocks into weights of its own; after a near-tie two right answers part. Quality itself is "
                "tested: perplexity beside llama.cpp by `tests/oracles/test_perplexity.py`, see `docs/ACCURACY.md`.\n") if lines else ""

    def markdown(self) -> str:
        samples, roofline = self.samples, self.roofline
        rows = [row.cells() for row in all_rows(samples, roofline.work)]
        prefill = [[engine, spread(samples.of(engine, "prefill"))] for engine in self.engines]
        prefill.append(["roofline", number(roofline.prefill())])
        parts = [
            "## Language models beside their peers\n", self._head(),
            markdown_table(["what", "Marquee", "beside", "ratio", "asked for", "reached"], rows),
            "llama.cpp's prefill and decode are `llama-bench`'s, its streams `llama-server`'s, asked by the same client as "
            "`marquee serve` (`marquee bench --server`). OpenVINO GenAI and transformers are libraries: their streams are one "
            "batch within the process, without HTTP.\n",
            f"### Prefill, {PREFILL} tokens\n", markdown_table(["engine", "tok/s"], prefill),
            "### Decode over context, one stream\n",
            _series_table(samples, self.engines, "decode", "context", self._limits("decode")),
            f"![Decode over context]({PLOTS['context']})\n",
            f"### Output over parallel streams, {STREAM_PROMPT} + {OUTPUT} tokens each\n",
            _series_table(samples, self.engines, "output", "streams", self._limits("output")),
            f"![Output over parallel streams]({PLOTS['streams']})\n", self._roofline_text(), self._answers()]
        return "\n".join(part for part in parts if part)

    def _roofline_text(self) -> str:
        work = self.roofline.work
        memory = statistics.median(self.samples.of(OURS, "memory_gb_per_s") or [0])
        macs = statistics.median(self.samples.of(OURS, "int8_gmac_per_s") or [0])
        return (f"The roofline is measured in the same rounds: memory is read at {number(memory)} GB/s, and the int8 kernel does "
                f"{number(macs)} G multiply-adds/s on data in the first-level cache. A token is {number(work.block_macs / 1e6)} M "
                f"multiply-adds, its logits {number(work.head_macs / 1e6)} M more; a step reads the file's "
                f"{number(work.file_bytes / 1e6)} MB and the cache of its context.\n")


def write_docs(folder: Path, report: Report) -> list[Path]:
    """@return the files written"""
    page = folder / "PERFORMANCE.md"
    text = replace_block(page.read_text(encoding="utf-8"), BLOCK, report.markdown())
    written = [page]
    for name, svg in report.plots().items():
        (folder / name).write_text(svg, encoding="utf-8")
        written.append(folder / name)
    page.write_text(text, encoding="utf-8")
    return written
