"""Packed weights are kept between starts, and a damaged file is made anew."""

import shutil

from marquee_server import MODEL
from program import copy_model

ASK = ["run", "--raw", "--temperature", "0", "--max-tokens", "4", "Once"]
KEPT = {"MARQUEE_PACKED_CACHE": "1GiB"}


def files(marquee):
    folder = marquee.data / "cache/packed"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_the_second_start_reads_what_the_first_has_packed(with_model):
    plain = with_model(*ASK)
    assert files(with_model) == []
    first = with_model(*ASK, **KEPT)
    (kept,) = files(with_model)
    written = kept.stat().st_mtime_ns
    inode = kept.stat().st_ino
    second = with_model(*ASK, **KEPT)
    assert plain.stdout == first.stdout == second.stdout and second.stderr == ""
    assert files(with_model) == [kept] and kept.stat().st_ino == inode and kept.stat().st_mtime_ns > written, "used"
    other = with_model(*ASK, MARQUEE_ISA="scalar", **KEPT)
    assert len(files(with_model)) == 2 and other.returncode == 0, "each instruction set has its own"
    with_model("rm", MODEL)
    assert files(with_model) == []


def test_a_damaged_file_is_made_anew(with_model):
    plain = with_model(*ASK, **KEPT)
    (kept,) = files(with_model)
    whole = kept.read_bytes()
    for damaged in (whole[:-100], b"x" + whole[1:], whole[:50_000_000] + b"\0\0\0\0" + whole[50_000_004:]):
        kept.write_bytes(damaged)
        assert with_model(*ASK, **KEPT).stdout == plain.stdout
        assert kept.read_bytes() == whole


def test_another_model_file_is_packed_anew(marquee):
    model = copy_model(marquee.data)
    marquee(*ASK, **KEPT)
    (kept,) = files(marquee)
    copy = model.with_suffix(".copy")
    shutil.copyfile(model, copy)
    copy.rename(model)  # the same bytes, but nobody has compared them with what was packed
    marquee(*ASK, **KEPT)
    assert len(files(marquee)) == 2 and kept in files(marquee)


def test_what_is_larger_than_allowed_is_not_kept(with_model):
    done = with_model(*ASK, MARQUEE_PACKED_CACHE="1MiB")
    assert done.stderr == "" and files(with_model) == []
