#!/usr/bin/env python3
"""Writes reference.json: the perplexity that llama.cpp computes with smollm2-135m-instruct over reviews.txt, and over its
first chunks with the model's F32 copy (dequantise.py).

    python make_reference.py LLAMA_PERPLEXITY MODEL.gguf    # the program as script/setup --slow-tests builds it

The chunks are llama-perplexity's own (-c 512, the second half of each scored); all other settings are its defaults.
"""
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import dequantise

TEXT = Path(__file__).with_name("reviews.txt")
REFERENCE = Path(__file__).with_name("reference.json")
F32_CHUNKS = 8
SOURCE = "llama.cpp as in the source distribution of llama-cpp-python 0.3.36"


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def measure(program, model, chunks=-1):
    """Runs llama-perplexity over the first chunks of the text, or all of it."""
    options = ["-c", "512", "-t", "2", "--chunks", str(chunks)]
    done = subprocess.run([program, "-m", model, "-f", TEXT, *options], capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    final = re.search(r"Final estimate: PPL = ([\d.]+) \+/- ([\d.]+)", output)
    if done.returncode != 0 or final is None:
        raise RuntimeError(f"llama-perplexity ended with {done.returncode}:\n{output[-2000:]}")
    processor = re.search(r"system_info: [^|]*\|\s*(.*\S)", output)
    return {
        "perplexity": float(final[1]),
        "standard_error": float(final[2]),
        "command": f"llama-perplexity -m MODEL -f reviews.txt {' '.join(options)}",
        "system_info": processor[1] if processor else "",
        "after_chunk": [float(value) for value in re.findall(r"\[\d+\]([\d.]+),", output)],
    }


def measure_f32_copy(program, model, chunks):
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "f32.gguf"
        dequantise.write_f32_copy(model, copy)
        return measure(program, copy, chunks)


def main():
    program, model = sys.argv[1:3]
    result = {"program": SOURCE, "model_sha256": sha256(model), "text_sha256": sha256(TEXT),
              "as_published": measure(program, model), "f32_copy": measure_f32_copy(program, model, F32_CHUNKS)}
    REFERENCE.write_text(json.dumps(result, indent=1) + "\n")
    for name in ("as_published", "f32_copy"):
        one = result[name]
        print(f"{name}: {one['perplexity']} +/- {one['standard_error']} over {len(one['after_chunk'])} chunks")


if __name__ == "__main__":
    main()
