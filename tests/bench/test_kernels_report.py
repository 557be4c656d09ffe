"""`script/bench kernels`: the shares it prints, and that every kernel of this CPU has a rate."""

import importlib.util
import json
import subprocess

import pytest

from marquee_server import ROOT

spec = importlib.util.spec_from_file_location("bench_kernels", ROOT / "bench/kernels/__main__.py")
bench_kernels = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench_kernels)


def run(name, **rates):
    return {"name": name, "run_name": name, "run_type": "iteration", **rates}


def test_each_rate_stands_beside_its_limit():
    rows = bench_kernels.read_rows({"benchmarks": [
        run("peak/memory", **{"GB/s": 20.0}), run("avx2/peak/int8", **{"GMAC/s": 80.0}),
        run("avx2/peak/float32", **{"GMAC/s": 40.0}), run("avx2/matmul/Q4_1/1", **{"GMAC/s": 30.0, "GB/s": 18.0}),
        run("avx2/matmul/Q4_1/128", **{"GMAC/s": 60.0, "GB/s": 1.0}), run("avx2/matmul/F16/8", **{"GMAC/s": 30.0, "GB/s": 1.0}),
        run("avx2/attention/3/64", **{"GMAC/s": 20.0}), run("avx2/silu/1536", **{"Gvalue/s": 2.0}),
        run("avx512/silu/1536", error_occurred=True)]})
    assert [(row.kernel, row.rate, row.limit) for row in rows] == [
        ("matmul/Q4_1/1", 18.0, 20.0), ("matmul/Q4_1/128", 60.0, 80.0), ("matmul/F16/8", 30.0, 40.0),
        ("attention/3/64", 20.0, 40.0), ("silu/1536", 2.0, None)]
    printed = bench_kernels.table(rows)
    assert "18.0 GB/s" in printed and "90%" in printed and "75%" in printed


def test_of_several_runs_the_median_counts():
    rows = bench_kernels.read_rows({"benchmarks": [
        run("avx2/silu/1", **{"Gvalue/s": 9.0}),
        {**run("avx2/silu/1", **{"Gvalue/s": 3.0}), "run_type": "aggregate", "aggregate_name": "mean"},
        {**run("avx2/silu/1", **{"Gvalue/s": 2.0}), "run_type": "aggregate", "aggregate_name": "median"},
        {**run("avx2/silu/1", **{"Gvalue/s": 1.0}), "run_type": "aggregate", "aggregate_name": "stddev"}]})
    assert [row.rate for row in rows] == [2.0]


def test_a_missing_rate_is_an_error():
    with pytest.raises(ValueError, match="avx2/silu/1"):
        bench_kernels.read_rows({"benchmarks": [run("avx2/silu/1", **{"GMAC/s": 1.0})]})


def test_this_cpus_kernels_reach_no_more_than_their_limits():
    done = subprocess.run(["python3", ROOT / "bench/kernels", "--json", "--repetitions", "1", "--filter", "matmul/Q4_1/128"],
                          capture_output=True, text=True, timeout=300)
    if "there is no" in done.stderr:
        pytest.skip("kernels_bench is not built where script/bench looks for it")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["isa"] for row in rows} >= {"scalar"}
    for row in rows:
        assert row["rate"] > 0 and (row["isa"] == "scalar" or row["rate"] < 1.3 * row["limit"])
