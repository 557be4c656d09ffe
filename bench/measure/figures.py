"""Samples of rounds, and what they say: medians, spreads, ratios."""

import statistics
from collections import defaultdict


class Samples:
    """One value for each round, engine and metric."""

    def __init__(self):
        self._values: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)

    def add(self, round_: int, engine: str, values: dict[str, float]) -> None:
        for metric, value in values.items():
            self._values[engine, metric][round_] = value

    def of(self, engine: str, metric: str) -> list[float]:
        return list(self._values.get((engine, metric), {}).values())

    def median(self, engine: str, metric: str) -> float | None:
        values = self.of(engine, metric)
        return statistics.median(values) if values else None

    def ratios(self, ours: tuple[str, str], theirs: tuple[str, str]) -> list[float]:
        """ours / theirs of each round that has both: what ran side by side is compared."""
        first, second = self._values.get(ours, {}), self._values.get(theirs, {})
        return [first[r] / second[r] for r in first if second.get(r)]

    def metrics(self, engine: str, prefix: str) -> dict[int, float]:
        """{number: median} of the metrics "<prefix>/<number>"."""
        found = {}
        for name, metric in self._values:
            head, _, number = metric.rpartition("/")
            if name == engine and head == prefix:
                found[int(number)] = self.median(engine, metric)
        return dict(sorted(found.items()))

    def as_json(self) -> list[dict]:
        return [{"engine": engine, "metric": metric, "rounds": rounds}
                for (engine, metric), rounds in sorted(self._values.items())]


def number(value: float) -> str:
    """Three digits that count, with commas: "1,609", "48.2", "3.51", "0.093"."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    decimals = 1 if abs(value) >= 9.995 else 2 if abs(value) >= 0.9995 or value == 0 else 3
    return f"{value:.{decimals}f}"


def spread(values: list[float]) -> str:
    """"1,609 (1,539-1,853)": the median, the lowest, the highest."""
    if not values:
        return "not measured"
    if len(values) == 1:
        return number(values[0])
    return f"{number(statistics.median(values))} ({number(min(values))}-{number(max(values))})"
