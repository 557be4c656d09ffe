"""Writes the seeds of fuzz_prefix_cache: saved caches of a very small model, without their checksum.

    python3 tests/fuzz/make_prefix_cache_seeds.py
"""
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus" / "prefix_cache"
PAGE_BYTES = 64  # one layer, one head of one number of two bytes, keys and values of 16 tokens


def header(layers: int = 1, tenant: bytes = b"studio") -> bytes:
    return struct.pack("<8sIIiiiiQ8s8s64s64s", b"MQKVSAVE", 2, 16, layers, 1, 1, 64, PAGE_BYTES, b"F16", b"int8", b"0" * 64,
                       tenant)


def page(parent: int, first: int) -> bytes:
    return struct.pack("<i16i", parent, *range(first, first + 16)) + bytes(range(PAGE_BYTES))


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    seeds = {
        "empty": header(),
        "three": header() + page(-1, 1) + page(-1, 2) + page(0, 3),
        "deep": header() + b"".join(page(i - 1, i) for i in range(5)),
        "self": header() + page(0, 1),
        "unknown_token": header() + page(-1, 90),
        "other_tenant": header(tenant=b"rival"),
        "other_layout": header(layers=2),
    }
    for name, content in seeds.items():
        (CORPUS / name).write_bytes(content)


main()
