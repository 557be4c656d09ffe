"""script/bench kernels: what each kernel does on one core, beside what the core can do at most."""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOATS = ("F32", "F16", "BF16")


@dataclass
class Row:
    isa: str
    kernel: str
    rate: float
    unit: str
    limit: float | None


def limit_of(isa: str, kernel: str, limits: dict[str, float]) -> tuple[str, float | None]:
    """The unit in which a kernel's rate is given, and the most that one core does of it."""
    parts = kernel.split("/")
    if parts[0] == "matmul" and parts[-1] == "1":
        return "GB/s", limits.get("peak/memory")
    if parts[0] == "matmul":
        return "GMAC/s", limits.get(f"{isa}/peak/{'float32' if parts[1] in FLOATS else 'int8'}")
    if parts[0] == "attention":
        return "GMAC/s", limits.get(f"{isa}/peak/float32")
    return "Gvalue/s", None


def read_rows(report: dict) -> list[Row]:
    """@error ValueError if a benchmark has not the rate it should have"""
    rates = {}
    for one in report["benchmarks"]:
        if one.get("run_type") == "aggregate" and one.get("aggregate_name") != "median":
            continue
        rates[one["run_name"]] = None if one.get("error_occurred") else one
    limits = {name: one.get("GMAC/s", one.get("GB/s")) for name, one in rates.items() if one and "peak/" in name}
    rows = []
    for name, one in rates.items():
        if one is None or "peak/" in name:
            continue
        isa, kernel = name.split("/", 1)
        unit, limit = limit_of(isa, kernel, limits)
        if unit not in one:
            raise ValueError(f"{name} has no rate in {unit}")
        rows.append(Row(isa, kernel, one[unit], unit, limit))
    return rows


def table(rows: list[Row]) -> str:
    lines = [("isa", "kernel", "rate", "limit of one core", "share")]
    for row in rows:
        limit = f"{row.limit:.1f}" if row.limit else ""
        lines.append((row.isa, row.kernel, f"{row.rate:.1f} {row.unit}", limit,
                      f"{row.rate / row.limit:.0%}" if row.limit else ""))
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bench kernels", description=__doc__)
    parser.add_argument("--filter", default="", metavar="REGEX", help="kernels to run, such as 'avx512/matmul/Q4_1'; all by default")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each, of which the median counts (3)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    flags = parser.parse_args()
    program = ROOT / "build/release/bin/kernels_bench"
    if not program.exists():
        print(f"script/bench kernels: there is no {program}; run script/setup --tests", file=sys.stderr)
        return 2
    wanted = f"peak|{flags.filter}" if flags.filter else "."
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.1", f"--benchmark_filter={wanted}",
                           f"--benchmark_repetitions={flags.repetitions}"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        print(f"script/bench kernels: kernels_bench ended with status {done.returncode}", file=sys.stderr)
        return 1
    rows = read_rows(json.loads(done.stdout))
    print(json.dumps([vars(row) for row in rows], indent=1) if flags.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
