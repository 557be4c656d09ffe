"""How much work one token is, read from a GGUF file's header.

@source https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


@dataclass
class Work:
    block_macs: int  # multiply-adds of one token through all layers, attention's scores left out
    head_macs: int   # and for its logits
    file_bytes: int


def _integer(file: BinaryIO, layout: str) -> int:
    return struct.unpack("<" + layout, file.read(struct.calcsize(layout)))[0]


def _skip_value(file: BinaryIO, kind: int) -> None:
    if kind == STRING:
        file.seek(_integer(file, "Q"), 1)
    elif kind == ARRAY:
        inner, count = _integer(file, "I"), _integer(file, "Q")
        if inner in SIZES:
            file.seek(SIZES[inner] * count, 1)
        else:
            for _ in range(count):
                _skip_value(file, inner)
    else:
        file.seek(SIZES[kind], 1)


def work_of(path: Path) -> Work:
    """@error ValueError if it is no GGUF file"""
    blocks = head = embedding = 0
    with open(path, "rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError(f"{path} is not a GGUF file")
        _integer(file, "I")
        tensors, pairs = _integer(file, "Q"), _integer(file, "Q")
        for _ in range(pairs):
            file.seek(_integer(file, "Q"), 1)
            _skip_value(file, _integer(file, "I"))
        for _ in range(tensors):
            name = file.read(_integer(file, "Q")).decode()
            dims = [_integer(file, "Q") for _ in range(_integer(file, "I"))]
            file.seek(12, 1)  # type and offset
            if len(dims) != 2:
                continue
            macs = dims[0] * dims[1]
            if name.startswith("blk."):
                blocks += macs
            elif name == "output.weight":
                head = macs
            elif name == "token_embd.weight":
                embedding = macs
    return Work(blocks, head or embedding, path.stat().st_size)  # tied: the embedding is the head too
