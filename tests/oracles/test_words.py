"""Word vectors against gensim, fastText and the structure of texts that are made for it.

Always: files that gensim wrote, buckets of n-grams as fastText has them (tests/golden/words, with the script that made
them), and a planted text, learnt at least as well as the peers did. Slow: the peers beside us, with other seeds."""
import json
import os
import pathlib
import statistics
import subprocess
import sys

import numpy
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/words"
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "words_probe"

sys.path.insert(0, str(ROOT / "tests/oracles"))
import words_texts  # noqa: E402

EXPECTED = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))
FORMATS = {"word2vec.txt": "word2vec_text", "word2vec.bin": "word2vec_binary", "glove.txt": "glove_text"}


def probe(*arguments, text=None):
    done = subprocess.run([PROBE, *map(str, arguments)], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def learn(kind, text, out, **settings):
    return probe(kind, text, out, *(f"{key}={value}" for key, value in settings.items()))


@pytest.mark.parametrize("name", FORMATS)
def test_files_of_gensim_are_read_and_written(name, tmp_path):
    golden = words_texts.Vectors.read(GOLDEN / "word2vec.txt")
    probe("convert", GOLDEN / name, FORMATS[name], tmp_path / "out.txt", "word2vec_text")
    ours = words_texts.Vectors.read(tmp_path / "out.txt")
    assert ours.words == golden.words
    numpy.testing.assert_allclose(ours.unit, golden.unit, atol=1e-6)
    probe("convert", GOLDEN / name, FORMATS[name], tmp_path / "out.bin", "word2vec_binary")
    assert (tmp_path / "out.bin").read_bytes().replace(b"\n", b"") == (GOLDEN / "word2vec.bin").read_bytes().replace(
        b"\n", b""), "gensim ends no vector with a line's end"


@pytest.mark.parametrize("word", EXPECTED["ngrams"])
def test_ngrams_are_those_of_fasttext(word):
    settings = EXPECTED["ngram_settings"]
    printed = probe("ngrams", settings["minn"], settings["maxn"], settings["buckets"], word)
    assert [int(bucket) for bucket in printed.split()] == EXPECTED["ngrams"][word]


@pytest.mark.parametrize("word", EXPECTED["nearest"])
def test_the_nearest_are_those_of_gensim(word):
    fields = probe("nearest", GOLDEN / "word2vec.bin", "word2vec_binary", 5, word).split()
    assert fields[::2] == [neighbour for neighbour, _ in EXPECTED["nearest"][word]]
    numpy.testing.assert_allclose([float(score) for score in fields[1::2]],
                                  [score for _, score in EXPECTED["nearest"][word]], atol=2e-6)


@pytest.mark.parametrize("method", ["add", "multiply"])
def test_analogies_are_those_of_gensim(method):
    asked = EXPECTED["analogies"]
    printed = probe("analogies", GOLDEN / "word2vec.bin", "word2vec_binary", method,
                    text="\n".join(" ".join(one["words"]) for one in asked))
    for line, one in zip(printed.splitlines(), asked, strict=True):
        fields = line.split()
        assert fields[::2] == [neighbour for neighbour, _ in one[method]], one["words"]
        if method == "multiply":  # 3CosAdd's scores are those of another length of the query in gensim
            numpy.testing.assert_allclose([float(score) for score in fields[1::2]],
                                          [score for _, score in one[method]], atol=2e-5)


@pytest.mark.parametrize("name", EXPECTED["planted"])
def test_a_planted_text_is_learnt_as_well_as_by_the_peer(name, tmp_path):
    case = EXPECTED["planted"][name]
    scores = []
    for seed in (1, 2, 3):
        words_texts.planted_text(tmp_path / "text", seed)
        learn(case["kind"], tmp_path / "text", tmp_path / "vectors", seed=seed, threads=1, **case["settings"])
        scores.append(words_texts.Vectors.read(tmp_path / "vectors").planted_scores())
    for measure, theirs in case["scores"].items():
        ours = [one[measure] for one in scores]
        print(f"{name} {measure}: ours {ours}, theirs {theirs}")
        assert statistics.mean(ours) >= statistics.mean(theirs) - case["tolerance"][measure]


def test_little_memory_counts_the_same_pairs(tmp_path):
    words_texts.planted_text(tmp_path / "text", 1, entities=60, roles=6, sentences=30000)
    figures = []
    for megabytes in (1, 1024):
        printed = learn("glove", tmp_path / "text", tmp_path / "vectors", epochs=15, dimensions=30, x_max=10,
                        memory_megabytes=megabytes, scratch=tmp_path)
        figures.append(dict(line.split(maxsplit=1) for line in printed.splitlines()))
    little, much = figures
    assert int(little["shards"]) > 1 and int(much["shards"]) == 1
    assert little["pairs"] == much["pairs"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text", "vectors"], "scratch files have no names"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_and_beside_the_peers_with_other_seeds(tmp_path):
    pytest.importorskip("gensim", reason="script/test --slow installs it")
    sys.path.insert(0, str(GOLDEN))
    import make_word_goldens
    first = int.from_bytes(os.urandom(2), "little")
    print("seeds from", first)
    for name, case in make_word_goldens.CASES.items():
        ours, theirs = [], []
        for seed in range(first, first + 3):
            words_texts.planted_text(tmp_path / "text", seed)
            learn(case["kind"], tmp_path / "text", tmp_path / "vectors", seed=seed, threads=1, **case["settings"])
            ours.append(words_texts.Vectors.read(tmp_path / "vectors").planted_scores())
            theirs.append(case["peer"](tmp_path / "text", seed, case["settings"]).planted_scores())
        for measure, tolerance in case["tolerance"].items():
            mine, peer = [one[measure] for one in ours], [one[measure] for one in theirs]
            print(f"{name} {measure}: ours {mine}, theirs {peer}")
            assert statistics.mean(mine) >= statistics.mean(peer) - tolerance
