"""Writes one file per quantised type: random blocks, then the values that the `gguf` package (0.19) decodes them to.

Run from anywhere with gguf and numpy installed; kernels_test reads the files and expects equality to the last bit,
as both sides do the same few roundings.
"""
import pathlib

import gguf
import numpy as np

BLOCKS = 3
# Where a block keeps its binary16 numbers; every other byte may be anything.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def main() -> None:
    folder = pathlib.Path(__file__).parent
    random = np.random.default_rng(20)
    for name, offsets in HALVES.items():
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for offset in offsets:
            halves = random.normal(0, 0.05, BLOCKS).astype(np.float16)
            blocks[:, offset : offset + 2] = halves.view(np.uint8).reshape(BLOCKS, 2)
        values = gguf.quants.dequantize(blocks, kind).astype(np.float32).reshape(-1)
        assert values.size == BLOCKS * elements
        (folder / f"{name}.bin").write_bytes(blocks.tobytes() + values.tobytes())


if __name__ == "__main__":
    main()
