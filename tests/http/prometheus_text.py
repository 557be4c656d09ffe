"""Reads the Prometheus text exposition format (version 0.0.4) strictly: what a scraper would refuse, fails here."""

import re
from dataclasses import dataclass, field

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|(?=}))')
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


@dataclass
class Sample:
    name: str
    labels: dict[str, str]
    value: float


@dataclass
class Family:
    name: str
    type: str = "untyped"
    help: str = ""
    samples: list[Sample] = field(default_factory=list)


def parse_sample(line: str) -> Sample:
    match = NAME.match(line)
    assert match, line
    rest, labels = line[match.end():], {}
    if rest.startswith("{"):
        rest = rest[1:]
        while not rest.startswith("}"):
            label = LABEL.match(rest)
            assert label, line
            assert label[1] not in labels, f"label {label[1]} twice: {line}"
            labels[label[1]] = label[2]
            rest = rest[label.end():]
        rest = rest[1:]
    assert re.fullmatch(r" [^ ]+", rest), line
    return Sample(match[0], labels, float(rest))


def check_histogram(family: Family) -> None:
    series: dict[tuple, dict[str, float]] = {}
    buckets: dict[tuple, list[tuple[float, float]]] = {}
    for sample in family.samples:
        key = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
        if sample.name.endswith("_bucket"):
            buckets.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
        else:
            series.setdefault(key, {})[sample.name.removeprefix(family.name)] = sample.value
    assert buckets.keys() == series.keys(), family.name
    for key, edges in buckets.items():
        assert edges == sorted(edges), f"{family.name}{key}: buckets out of order or shrinking"
        counts = [count for _, count in edges]
        assert counts == sorted(counts), f"{family.name}{key}: buckets are not cumulative"
        assert edges[-1] == (float("inf"), series[key]["_count"]), f"{family.name}{key}: +Inf is not the count"


def parse_metrics(text: str) -> dict[str, Family]:
    assert text.endswith("\n")
    families: dict[str, Family] = {}
    current = None
    for line in text.splitlines():
        assert line.strip() == line and line, repr(line)
        if line.startswith("# "):
            kind, name, *rest = line[2:].split(" ", 2)
            assert kind in ("HELP", "TYPE"), line
            if current is None or current.name != name:
                assert name not in families, f"the family {name} is given twice"
                current = families[name] = Family(name)
            if kind == "HELP":
                current.help = rest[0]
            else:
                assert rest[0] in TYPES, line
                current.type = rest[0]
            continue
        sample = parse_sample(line)
        assert current is not None, line
        allowed = [current.name + suffix for suffix in SUFFIXES.get(current.type, ("",))]
        assert sample.name in allowed, f"{sample.name} stands under {current.name}"
        current.samples.append(sample)
    for family in families.values():
        keys = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert len(keys) == len(set(keys)), f"a series of {family.name} is given twice"
        if family.type == "counter":
            assert family.name.endswith("_total"), family.name
            assert all(sample.value >= 0 for sample in family.samples), family.name
        if family.type == "histogram":
            check_histogram(family)
    return families
