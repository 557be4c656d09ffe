"""What one run of the benchmark measures."""

from dataclasses import dataclass, field
from pathlib import Path

PREFILL = 512         # prompt tokens of the prefill row
STREAM_PROMPT = 136   # of each parallel request
OUTPUT = 64           # tokens that each request generates
ANSWER_TOKENS = 32    # of the comparison of answers


@dataclass
class Plan:
    model: Path             # the GGUF file that every engine reads
    model_name: str         # as `marquee` knows it
    data: Path              # the data folder it is installed in
    threads: int
    contexts: list[int] = field(default_factory=lambda: [0, 512, 1024, 2048, 4096])
    streams: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16])
