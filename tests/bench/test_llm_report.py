"""What `script/bench llm` makes of its samples: ratios, tables, plots, and the page it writes them into."""

import xml.etree.ElementTree as ElementTree

import pytest

import plot
from answers import common_words, compare
from figures import Samples, number, spread
from gguf_size import Work, work_of
from marquee_server import MODEL, TEST_DATA
from page import markers, replace_block
from report import BLOCK, PLOTS, Facts, Report, write_docs
from roofline import Roofline
from rows import AVX2, OURS, all_rows

BEGIN, END = markers(BLOCK)
WORK = Work(block_macs=100_000_000, head_macs=25_000_000, file_bytes=100_000_000)


def some_samples() -> Samples:
    samples = Samples()
    for round_, speed in enumerate([1.0, 0.5, 2.0]):  # a machine whose speed changes from round to round
        samples.add(round_, OURS, {"prefill": 1800 * speed, "decode/0": 200 * speed, "decode/1024": 150 * speed,
                                   "decode/4096": 100 * speed,
                                   "output/16": 400 * speed, "first_ms/16": 1000 / speed, "memory_gb_per_s": 25 * speed,
                                   "int8_gmac_per_s": 300 * speed, "start_s": 0.2, "memory": 1.1 + round_ / 10})
        samples.add(round_, "llama.cpp", {"prefill": 300 * speed, "decode/0": 110 * speed, "output/16": 40 * speed,
                                          "first_ms/16": 5000 / speed})
    return samples


def some_report() -> Report:
    facts = Facts("script/bench llm", "2026-01-02", "a machine", 0.01, "`m`", 3, 2, {OURS: "1", "llama.cpp": "2"},
                  {"llama.cpp": compare(["a b c", "d"], ["a b x", "d"])})
    return Report(some_samples(), Roofline(25e9, 300e9, WORK, 20_000), facts)


def test_ratios_are_those_of_rounds_not_of_medians():
    ratios = some_samples().ratios((OURS, "prefill"), ("llama.cpp", "prefill"))
    assert ratios == pytest.approx([6, 6, 6]), "however fast the machine was"
    samples = some_samples()
    samples.add(3, OURS, {"prefill": 1})
    assert len(samples.ratios((OURS, "prefill"), ("llama.cpp", "prefill"))) == 3, "a round without the peer has no ratio"
    assert samples.ratios((OURS, "prefill"), ("nobody", "prefill")) == []


def test_numbers():
    assert [number(value) for value in (1609.4, 99.96, 48.25, 3.514, 0.0934, 0)] == ["1,609", "100", "48.2", "3.51", "0.093", "0.00"]
    assert spread([3, 1, 2]) == "2.00 (1.00-3.00)" and spread([5]) == "5.00" and spread([]) == "not measured"


def test_no_row_is_dropped_and_each_is_judged():
    rows = all_rows(some_samples(), WORK)
    verdicts = {(row.what, row.asked): row.reached for row in rows}
    assert len(rows) == len(verdicts) == 14
    assert verdicts["prefill, 512 tokens", "6 ×"] is True
    assert verdicts["prefill, 512 tokens", "1.5 ×"] is None, "OpenVINO was not measured"
    assert verdicts["decode, 1 stream, context 0", "2 ×"] is False
    assert verdicts["decode, 1 stream, context 0, by memory read speed", "0.8"] is True
    assert verdicts["a token's time at context 4,096 by that at 0", "at most 2.5"] is True
    assert verdicts["16 streams through HTTP, 136 + 64 tokens", "8 ×"] is True
    assert verdicts["their median time to first token", "at most 1/6"] is False
    assert verdicts["resident memory by file + KV pages in use", "at most 1.25"] is True


def test_the_narrow_rows_compare_narrow_engines():
    samples = some_samples()
    samples.add(0, OURS + AVX2, {"prefill": 260})
    samples.add(0, "llama.cpp" + AVX2, {"prefill": 200})
    row = next(row for row in all_rows(samples, WORK) if row.what.startswith("AVX2 only, prefill"))
    assert row.ratios == pytest.approx([1.3]) and row.reached


def test_the_page_keeps_what_stands_around_the_block():
    page = f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    assert replace_block(page, BLOCK, "new\n") == f"before\n\n{BEGIN}\nnew\n{END}\n\nafter\n"
    assert replace_block("prose\n", BLOCK, "new\n") == f"prose\n\n{BEGIN}\nnew\n{END}\n"
    for broken in (f"{BEGIN}\n", f"{END}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}{BEGIN}{END}"):
        with pytest.raises(ValueError, match="script/bench llm"):
            replace_block(broken, BLOCK, "new\n")


def test_writing_twice_changes_nothing(tmp_path):
    (tmp_path / "PERFORMANCE.md").write_text("# Performance\n\nProse.\n")
    written = write_docs(tmp_path, some_report())
    assert {path.name for path in written} == {"PERFORMANCE.md", *PLOTS.values()}
    once = [path.read_text() for path in written]
    assert write_docs(tmp_path, some_report()) == written and [path.read_text() for path in written] == once
    page = (tmp_path / "PERFORMANCE.md").read_text()
    assert page.startswith("# Performance\n\nProse.\n") and "6.00 (6.00-6.00)" in page
    for name in PLOTS.values():
        assert f"]({name})" in page
    widths = {line.count("|") for line in page.splitlines() if line.startswith("| prefill") or line.startswith("| what")}
    assert widths == {7}


def test_plots_are_svg_with_a_line_for_each_engine_and_the_limit():
    for svg in some_report().plots().values():
        root = ElementTree.fromstring(svg)
        lines = root.findall("{*}polyline")
        assert len(lines) == 3 and sum("stroke-dasharray" in line.attrib for line in lines) == 1
        for line in lines:
            for point in line.attrib["points"].split():
                x, y = map(float, point.split(","))
                assert 0 <= x <= plot.WIDTH - plot.RIGHT and plot.TOP - 1 <= y <= plot.HEIGHT - plot.BOTTOM


@pytest.mark.parametrize("highest, step", [(1, 0.2), (5, 1), (9, 2), (410, 100), (0.03, 0.01), (501, 200)])
def test_axes_have_round_steps(highest, step):
    assert plot.nice_step(highest) == pytest.approx(step)


def test_names_in_plots_are_escaped():
    ElementTree.fromstring(plot.draw("a < b & c", "x", "y", [plot.Line("<peer>", {1: 2.0})]))
    ElementTree.fromstring(plot.draw("nothing", "x", "y", []))


def test_answers_are_compared_by_words():
    assert common_words(" said, \"I've lost", "said, \"I've found") == 2
    assert common_words("", "x") == 0
    half = compare(["a b", "c", "d", "e"], ["a b", "c", "x", "y"])
    assert half.enough and half.same_beginnings == 2 and half.mean_words == 0.75
    assert not compare(["a", "b", "c"], ["a", "x", "y"]).enough


def test_the_roofline():
    limit = Roofline(25e9, 300e9, WORK, 100_000)
    assert limit.prefill() == pytest.approx(3000)
    assert limit.decode(0) == pytest.approx(250) and limit.decode(1000) == pytest.approx(125)
    # 16 streams: a step computes 16 * 125 M multiply-adds in 6.7 ms, more than the 4 ms that reading takes.
    assert limit.output(16, 150, 60) == pytest.approx(16 * 60 / (0.8 + 60 * 16 * 0.125 / 300))
    assert limit.output(1, 0, 60) == pytest.approx(250)


def test_the_work_of_a_token_is_read_from_the_file(tmp_path):
    work = work_of(TEST_DATA / "models" / MODEL / "model.gguf")
    # 30 layers of 576: q and o 576², k and v 192 · 576, gate, up and down 1536 · 576; the head is the embedding, 49152 · 576.
    assert work.block_macs == 30 * (2 * 576 * 576 + 2 * 192 * 576 + 3 * 1536 * 576)
    assert work.head_macs == 49152 * 576
    (tmp_path / "x.gguf").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a GGUF file"):
        work_of(tmp_path / "x.gguf")
