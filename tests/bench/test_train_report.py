"""What `script/bench train` makes of its samples."""

import argparse
import importlib.util
import sys

import pytest

from marquee_server import ROOT
from programs import Broken, output_and_peak

spec = importlib.util.spec_from_file_location("bench_train", ROOT / "bench/train/__main__.py")
bench_train = importlib.util.module_from_spec(spec)
sys.modules["bench_train"] = bench_train  # dataclasses look their module up
spec.loader.exec_module(bench_train)


def test_a_ratio_is_to_the_better_of_both_in_its_round():
    run = bench_train.Run(argparse.Namespace(rounds=2, seconds=1.0, threads=2))
    figures = {bench_train.OURS: [(100, 50), (30, 60)], bench_train.EAGER: [(40, 200), (20, 300)],
               bench_train.COMPILED: [(50, 400), (10, 240)]}
    for engine, rounds in figures.items():
        for round_, (steps, peak) in enumerate(rounds):
            for case in bench_train.CASES:
                run.samples.add(round_, engine, {f"steps/{case.name}": steps, f"peak_mb/{case.name}": peak})
    assert run.ratios(bench_train.CASES[0], "steps") == pytest.approx([2.0, 1.5])
    assert run.ratios(bench_train.CASES[0], "peak_mb", min) == pytest.approx([0.25, 0.25])
    page = run.markdown()
    reached = {line.split("|")[1].strip().split()[0]: line.split("|")[7].strip()
               for line in page.splitlines() if "asked" not in line and line.count("|") == 9 and "---" not in line}
    assert reached == {"MLP": "no", "CNN": "yes", "GRU": "no", "encoder": "yes"}, page


def test_memory_of_a_program_is_its_own():
    said, peak_mb = output_and_peak([sys.executable, "-c", "x = bytearray(200 << 20); print(len(x))"])
    assert said == f"{200 << 20}\n" and 200 < peak_mb < 400
    with pytest.raises(Broken, match="status 3"):
        output_and_peak([sys.executable, "-c", "raise SystemExit(3)"])
