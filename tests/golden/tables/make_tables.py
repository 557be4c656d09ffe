#!/usr/bin/env python3
"""Small Parquet files for src/formats/parquet_table_test.cc, written by pyarrow.

    python tests/golden/tables/make_tables.py     (with pyarrow==26.0.1)
"""
import datetime
import pathlib

import pyarrow as pa
from pyarrow import parquet

HERE = pathlib.Path(__file__).parent


def main():
    kinds = pa.table({
        "text": pa.array(["plain", None, "ä 🙂"]),
        "whole": pa.array([1, -2, None], pa.int32()),
        "part": pa.array([0.5, float("nan"), -1e300]),
        "large": pa.array([2**64 - 1, 0, 1], pa.uint64()),
        "yes": pa.array([True, False, None]),
        "words": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
        "category": pa.array(["x", "y", "x"]).dictionary_encode(),
        "when": pa.array([datetime.datetime(2026, 1, 1)] * 3),
        "inner": pa.array([{"a": 1}] * 3),
    })
    parquet.write_table(kinds, HERE / "kinds.parquet", compression="brotli")
    rows = pa.table({"number": pa.array(range(3000), pa.int64()), "text": pa.array([f"row {i % 7}" for i in range(3000)])})
    parquet.write_table(rows, HERE / "rows.parquet", row_group_size=1100, compression="zstd")
    parquet.write_table(pa.table({"text": pa.array([b"\xff\xfe", b"ok"]).cast(pa.string(), safe=False)}),
                        HERE / "broken_utf8.parquet")


if __name__ == "__main__":
    main()
