"""Our tokenizers against Hugging Face's `tokenizers` and SentencePiece: the same ids for the same texts, the same texts
for the same ids, in linear time. tokenize_probe.cc answers for ours.

MARQUEE_SHOW_FIGURES=1 prints the counts and rates that docs/ACCURACY.md quotes (with pytest -s).
"""
import functools
import os
import pathlib
import random
import subprocess
import unicodedata

import pytest
import tokenizer_families as families
import tokenizer_texts
import tokenizers
from tokenizer_families import Family

PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", "build/release/bin")) / "tokenize_probe"
DATA = pathlib.Path(os.environ.get("MARQUEE_TEST_DATA", tokenizer_texts.ROOT / "build/test-data"))
SMOLLM2 = DATA / "models/smollm2-135m-instruct/model.gguf"
TEXTS = 10_000


def ask(path, texts, *modes):
    """One line for each text (bytes or str)."""
    texts = [t.encode() if isinstance(t, str) else t for t in texts]
    asked = b"".join(b"%d\n%s" % (len(t), t) for t in texts)
    done = subprocess.run([PROBE, path, *modes], input=asked, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().split("\n")[:-1]
    assert len(lines) == len(texts)
    return lines


def ask_ids(path, texts, *modes):
    return [[int(i) for i in line.split()] for line in ask(path, texts, *modes)]


def ask_texts(path, id_lists, mode="decode"):
    return [bytes.fromhex(line).decode() for line in ask(path, [" ".join(map(str, ids)) for ids in id_lists], mode)]


def same(shown, ours, theirs):
    wrong = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b]
    assert not wrong, f"{len(wrong)} of {len(ours)} differ; first:\n" + "\n".join(
        f"{shown[i]!r}\n  ours   {ours[i]!r}\n  theirs {theirs[i]!r}" for i in wrong[:5])


def figure(line):
    if os.environ.get("MARQUEE_SHOW_FIGURES"):
        print("\n" + line, end="")


@functools.cache
def texts():
    return tokenizer_texts.make_texts(TEXTS)


def check_plain(family, some):
    """Texts in which special tokens are plain text."""
    plain, theirs = ask_ids(family.path, some), family.encode(some, parse=False)
    special = family.special_ids()
    assert not any(special.intersection(ids) for ids in plain)
    # Hugging Face's Unigram takes a special token's text for the token even so.
    kept = [i for i, ids in enumerate(theirs) if not special.intersection(ids) and "<unk>" not in some[i]]
    assert len(kept) > 0.9 * len(some)
    same([some[i] for i in kept], [plain[i] for i in kept], [theirs[i] for i in kept])


def check_decoding(family, id_lists):
    theirs = family.decode(id_lists)
    same(id_lists, ask_texts(family.path, id_lists), theirs)
    same(id_lists, ask_texts(family.path, id_lists, "pieces"), theirs)


def random_ids(size, count=2000):
    rng = random.Random(3)
    return [[rng.randrange(size) for _ in range(rng.randint(1, 30))] for _ in range(count)]


def check(family, some):
    """Everything that two tokenizers can be compared in."""
    theirs = family.encode(some)
    same(some, ask_ids(family.path, some, *([] if family.sentencepiece else ["parse"])), theirs)
    figure(f"{family.path.name}: {len(some)} texts, {sum(map(len, theirs))} ids, all equal")
    if not family.sentencepiece:  # SentencePiece never looks for control tokens, and adds none by itself
        check_plain(family, some)
        same(some[:500], ask_ids(family.path, some[:500], "special", "parse"), family.encode(some[:500], special=True))
    check_decoding(family, [ids for ids in theirs if family.unknown_id() not in ids])


# Byte-level BPE -------------------------------------------------------------------------------------------------------

@functools.cache
def byte_level(name):
    return families.train_byte_level(name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tokenizers")


def saved(tokenizer, path):
    tokenizer.save(str(path))
    return Family(tokenizer, path)


@pytest.mark.parametrize("name", families.BYTE_LEVEL)
def test_byte_level_json(name, folder):
    family = saved(byte_level(name), folder / f"{name}.json")
    check(family, texts())
    check_decoding(family, random_ids(byte_level(name).get_vocab_size()))


@pytest.mark.parametrize("name", families.GGUF_PRE)
def test_byte_level_gguf(name, folder):
    path = families.byte_level_gguf(folder / f"{name}.gguf", name, byte_level(name))
    named_by_the_families = name in ("gpt2", "smollm", "llama3", "qwen2")
    check(Family(byte_level(name), path), texts() if named_by_the_families else texts()[:2000])


def test_smollm2():
    """The default model's own vocabulary, read out of its file by the gguf package."""
    family = families.from_byte_level_gguf(SMOLLM2, "smollm")
    check(family, texts())
    check_decoding(family, random_ids(family.reference.get_vocab_size()))


# Every character there is: "a", the character, "b", and pairs of it after a word and before one.
EVERY_CHARACTER = ["qwen2", "gpt4o", "deepseek3"]  # between them they ask for every class of characters


@pytest.mark.parametrize("name", EVERY_CHARACTER)
def test_every_character(name, folder):
    chars = [c for c in map(chr, range(0x110000)) if tokenizer_texts.is_assigned(c)]
    assert len(chars) > 140_000
    units = [f"a{c}b A1 {c}{c}b1{c} {c}\n" for c in chars]
    some = ["".join(units[i:i + 16]) for i in range(0, len(units), 16)]
    family = saved(byte_level(name), folder / f"{name}.json")
    same(some, ask_ids(family.path, some), family.encode(some))


# SentencePiece --------------------------------------------------------------------------------------------------------

@functools.cache
def sentencepiece_bpe():
    return families.train_sentencepiece("bpe", byte_fallback=True, normalization_rule_name="identity",
                                        remove_extra_whitespaces=False)


@functools.cache
def sentencepiece_unigram(byte_fallback):
    return families.train_sentencepiece("unigram", byte_fallback=byte_fallback)


@pytest.mark.parametrize("kind", ["llama2", "gemma"])
def test_sentencepiece_bpe_json(kind, folder):
    _, proto = sentencepiece_bpe()
    tokenizer = families.llama2_json(families.pieces_of(proto)) if kind == "llama2" else families.gemma_json(families.pieces_of(proto))
    check(saved(tokenizer, folder / f"{kind}.json"), texts())


@pytest.mark.parametrize("byte_fallback", [True, False])
def test_unigram_json(byte_fallback, folder):
    _, proto = sentencepiece_unigram(byte_fallback)
    tokenizer = families.unigram_json(proto, byte_fallback)
    check(saved(tokenizer, folder / f"unigram-{byte_fallback}.json"), texts())


SENTENCEPIECE_GGUF = {
    "llama2": sentencepiece_bpe,
    "gemma": lambda: families.train_sentencepiece(
        "bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
        add_dummy_prefix=False, user_defined_symbols=["<start_of_turn>", "\n\n", "▁▁"], split_digits=True),
    "bpe-nfkc-unknown": lambda: families.train_sentencepiece("bpe", normalization_rule_name="nmt_nfkc"),
    "t5": lambda: sentencepiece_unigram(False),
    "unigram-bytes": lambda: sentencepiece_unigram(True),
    "unigram-casefold": lambda: families.train_sentencepiece("unigram", normalization_rule_name="nmt_nfkc_cf"),
    "unigram-identity": lambda: families.train_sentencepiece(
        "unigram", normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False,
        user_defined_symbols=["<tool>", "user-defined"]),
}


@pytest.mark.parametrize("name", SENTENCEPIECE_GGUF)
def test_sentencepiece_gguf(name, folder):
    processor, proto = SENTENCEPIECE_GGUF[name]()
    family = Family(processor, families.sentencepiece_gguf(folder / f"{name}.gguf", proto), sentencepiece=True)
    # SentencePiece takes a literal ▁ for the spaces of a user-defined token; GGUF files say such tokens with spaces.
    check(family, [text.replace("▁", "_") for text in texts()] if name == "gemma" else texts())


# WordPiece ------------------------------------------------------------------------------------------------------------

@functools.cache
def texts_for_bert():
    """Without the marks and signs that are newer than the tables in `tokenizers`."""
    unknown = dict.fromkeys(map(ord, families.characters_new_to_bert()))
    assert 100 < len(unknown) < 800
    return [text.translate(unknown) for text in texts()]


@pytest.mark.parametrize("cased", [False, True])
def test_word_piece(cased, folder):
    tokenizer = families.train_word_piece(cased)
    check(saved(tokenizer, folder / f"bert-{cased}.json"), texts_for_bert())
    path = families.word_piece_gguf(folder / f"bert-{cased}.gguf", tokenizer, cased)
    check(Family(tokenizer, path), texts_for_bert())


# Vocabularies of published models -------------------------------------------------------------------------------------

LLAMA_CPP = tokenizer_texts.ROOT / ".peers/llama.cpp/models"
PUBLISHED = {
    "gpt-2": lambda path: families.from_byte_level_gguf(path, "gpt2"),
    "llama-bpe": lambda path: families.from_byte_level_gguf(path, "llama3"),
    "qwen2": lambda path: families.from_byte_level_gguf(path, "qwen2"),
    "starcoder": lambda path: families.from_byte_level_gguf(path, "smollm"),
    "llama-spm": families.from_llama2_gguf,
    "bert-bge": lambda path: families.from_word_piece_gguf(path, cased=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_vocabulary(name):
    family = PUBLISHED[name](LLAMA_CPP / f"ggml-vocab-{name}.gguf")
    check(family, texts_for_bert() if name == "bert-bge" else texts())


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PUBLISHED, "command-r", "mpt", "phi-3", "qwen35", "refact"])
def test_ids_published_with_llama_cpp(name):
    """Texts and ids that llama.cpp ships with its vocabularies."""
    path = LLAMA_CPP / f"ggml-vocab-{name}.gguf"
    some = path.with_suffix(".gguf.inp").read_text().split("\n__ggml_vocab_test__\n")[:-1]
    theirs = [[int(i) for i in line.split()] for line in path.with_suffix(".gguf.out").read_text().split("\n")[:-1]]
    if name == "qwen35":  # llama.cpp leaves out the normalisation to NFC that Qwen's tokenizer.json begins with
        kept = [i for i, text in enumerate(some) if unicodedata.is_normalized("NFC", text)]
        some, theirs = [some[i] for i in kept], [theirs[i] for i in kept]
    assert len(some) > 40
    same(some, ask_ids(path, some, "parse"), theirs)


@pytest.mark.slow
def test_all_minilm():
    """A published tokenizer.json."""
    path = DATA / "models/all-minilm-l6-v2/tokenizer.json"
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    check(Family(tokenizer, path), texts_for_bert())


# Time -----------------------------------------------------------------------------------------------------------------

MEGABYTE = 1 << 20
LONG_TEXTS = {
    "english": tokenizer_texts.reviews(), "a": "a", "spaces": " ", "emoji": "👩‍❤️‍💋‍👨", "one emoji": "😀", "digits": "1234567890",
    "punctuation": "!?.,;:-()", "one sign": "=", "line breaks": "\n", "marks": "a\u0301\u0323\u0308", "only marks": "\u0301\u0323",
    "capitals": "A", "han": "漢字", "specials": "<|im_start|>", "half specials": "<|im_star", "unknown": "\U0001D400",
}


def long_text(name, size):
    unit = LONG_TEXTS[name].encode()
    return (unit * (size // len(unit) + 1))[:size].decode(errors="ignore")


def timed_families(folder):
    yield "SmolLM2 (GGUF)", SMOLLM2
    yield "SentencePiece BPE (GGUF)", families.sentencepiece_gguf(folder / "timed-llama2.gguf", sentencepiece_bpe()[1])
    yield "unigram (GGUF)", families.sentencepiece_gguf(folder / "timed-t5.gguf", sentencepiece_unigram(True)[1])
    yield "WordPiece (JSON)", saved(families.train_word_piece(False), folder / "timed-bert.json").path


def more_timed_families(folder):
    yield "Llama 2 (JSON)", saved(families.llama2_json(families.pieces_of(sentencepiece_bpe()[1])), folder / "timed-llama2.json").path
    yield "unigram (JSON)", saved(families.unigram_json(sentencepiece_unigram(True)[1], True), folder / "timed-t5.json").path
    yield "Qwen2 (JSON)", saved(byte_level("qwen2"), folder / "timed-qwen2.json").path


def check_time(name, path, kinds):
    asked = [long_text(kind, size) for kind in kinds for size in (MEGABYTE, 10 * MEGABYTE)]
    answers = [[float(number) for number in line.split()] for line in ask(path, asked, "time", "parse")]
    for kind, small, large in zip(kinds, answers[::2], answers[1::2], strict=True):
        figure(f"{name}, {kind}: encodes {10 / large[0]:.1f} MiB/s, decodes {large[2] / large[1] / 1e6:.1f} M tokens/s; "
               f"ten times the text takes {large[0] / small[0]:.1f} times as long")
        # Ten times the text takes ten times as long and a few cache misses, or a hundred times if it is not linear.
        assert large[0] < 30 * max(small[0], 0.01), (name, kind, small, large)
        assert large[1] < 30 * max(small[1], 0.01), (name, kind, small, large)


def test_ten_megabytes_take_linear_time(folder):
    for name, path in timed_families(folder):
        check_time(name, path, ["english", "one sign"])
    check_time("SmolLM2 (GGUF)", SMOLLM2, ["a", "spaces", "one emoji", "digits", "punctuation"])


@pytest.mark.slow
def test_ten_megabytes_of_anything_take_linear_time(folder):
    for name, path in [*timed_families(folder), *more_timed_families(folder)]:
        check_time(name, path, list(LONG_TEXTS))
