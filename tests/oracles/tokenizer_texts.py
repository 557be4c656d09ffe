"""Texts on which tokenizers differ when one of them is wrong, the same ones in every run."""
import pathlib
import random
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
REVIEWS = ROOT / "tests/golden/perplexity/reviews.txt"

SCRIPTS = {
    "latin": [(0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x180)],
    "greek": [(0x391, 0x3CA)],
    "cyrillic": [(0x400, 0x460)],
    "armenian": [(0x531, 0x557), (0x561, 0x588)],
    "hebrew": [(0x5D0, 0x5EB)],
    "arabic": [(0x621, 0x64B)],
    "devanagari": [(0x904, 0x94E)],
    "tamil": [(0xB85, 0xBBA), (0xBBE, 0xBCE)],
    "thai": [(0xE01, 0xE3B), (0xE40, 0xE4F)],
    "georgian": [(0x10D0, 0x10FB)],
    "hangul": [(0xAC00, 0xD7A4)],
    "kana": [(0x3041, 0x3097), (0x30A1, 0x30FB)],
    "han": [(0x4E00, 0x9FA6)],
    "ethiopic": [(0x1200, 0x1240)],
    "cherokee": [(0x13A0, 0x13F5)],
    "mathematical": [(0x1D400, 0x1D455)],
}
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇳🇱", "1️⃣", "❤️", "🧑🏿‍🚀", "☕", "🤷‍♀️", "🐈‍⬛", "©", "™", "🫠", "👩‍❤️‍💋‍👨"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", "\v", "\f", "\x85", "\u00a0", "\u1680", "\u2003", "\u2009",
          "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\u200b", "\ufeff", "\u180e"]
CONTRACTIONS = ["'s", "'S", "'t", "'T", "'re", "'RE", "'rE", "'ve", "'m", "'M", "'ll", "'LL", "'lL", "'d", "'D", "’s", "'ſ",
                "'x", "''s", "'", "'l", "'r", "'v", "don't", "WE'RE", "it's", "I'LLl", "y'all've"]
DIGITS = ["0", "1", "7", "42", "123", "1234", "65537", "3.14159", "1e-9", "0x1F", "١٢٣", "१२३", "²", "½", "Ⅷ", "①", "１２",
          "1,000,000", "𝟙𝟚", "2026-11-24", "㊿"]
CODE = ["def f(x):\n    return x ** 2\n", "if (a != b) {\n\t\tcontinue;\n}", "#include <vector>\n", "x->y::z[0] |= 0xFF;",
        "<div class=\"a\">&nbsp;</div>", "{\"k\": [1, 2.5, null, true]}", "SELECT * FROM t WHERE id='1'; --", "\\u0041\\n",
        "http://example.org/a?b=c&d=%20#e", "let camelCaseName = PascalCase.snake_case;", "//comment\r\n\r\n/* x */",
        "    four\n        eight\n\ttab", "a/b\\c///", "$HOME/.config", "print(f'{a!r:>10}')", "!@#$%^&*()_+-=[]{}|;:,.<>?/~`"]
LOOKALIKES = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_end", "|im_end|>", "<<|im_end|>>", "<|im_|im_end|>end|>",
              "<s>", "</s>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[mask]", "<pad>", "<0x41>", "<0x0A>",
              "<0xFF>", "▁", "▁▁", "Ġ", "Ċ", "##", "##ing", "<tool>", "<think>", "</think>", "<|eot_id|>", " <tool> ",
              "user-defined", "<s", "s>"]
CASES = ["camelCase", "PascalCase", "SCREAMING_SNAKE", "kebab-case", "XMLHttpRequest", "iPhone15Pro", "ABCdef", "aBcDeF",
         "ǅungla", "ŉ", "İstanbul", "ıI", "ΣΑΣ", "ß", "ẞ", "ﬁnal", "ﬃ", "ﾊﾝｶｸ", "ＦＵＬＬ", "ªº"]
MARKS = ["e\u0301", "a\u0308\u0323", "n\u0303", "\u0301", "o\u0302\u0300\u0309", "क़", "ก็", "שָׁ", "가", "\u1100\u1161\u11a8",
         "Å", "\u212b", "Ω", "\u2126", "ſ\u0323\u0307", "x\u20dd", "a\u034fb"]
CONTROLS = [chr(c) for c in [*range(32), *range(0x7F, 0xA0)]] + ["\u200c", "\u200d", "\u200e", "\u202e", "\u2066", "\ufffd",
                                                                  "\ufffe", "\U000e0001", "\u00ad", "\ue000"]


def word(rng, script=None):
    ranges = SCRIPTS[script or rng.choice(list(SCRIPTS))]
    low_letters = [(0x61, 0x7B)] if ranges is SCRIPTS["latin"] and rng.random() < 0.7 else ranges
    return "".join(chr(rng.randrange(*rng.choice(low_letters))) for _ in range(rng.randint(1, 9)))


def sentence(rng):
    script = rng.choice(list(SCRIPTS))
    words = [word(rng, script) for _ in range(rng.randint(1, 12))]
    return rng.choice([" ", " ", "  ", "", "، ", "。", ", ", "\n"]).join(words) + rng.choice(["", ".", "!", "?!", "…", "。"])


def is_assigned(c):
    """Whether it is a character in the Unicode version of all parties (this Python's is the oldest)."""
    return unicodedata.category(c) not in ("Cn", "Cs")


def scalar(rng):
    while True:
        c = rng.choice([rng.randrange(0x80), rng.randrange(0x80, 0x800), rng.randrange(0x800, 0x10000),
                        rng.randrange(0x10000, 0x20000), rng.randrange(0xE0000, 0xE0200)])
        if is_assigned(chr(c)):
            return chr(c)


def mixture(rng, *sources):
    pieces = []
    for _ in range(rng.randint(1, 14)):
        pieces.append(rng.choice(rng.choice(sources)))
        if rng.random() < 0.3:
            pieces.append(rng.choice(SPACES))
        if rng.random() < 0.2:
            pieces.append(word(rng))
    return "".join(pieces)


def reviews():
    return REVIEWS.read_text(encoding="utf-8")


def make_texts(count, seed=20261124):
    """`count` different strings; about as many of each kind."""
    rng = random.Random(seed)
    english = [line for line in reviews().split("\n") if line]
    words = sorted({w for line in english for w in line.split(" ") if w})
    kinds = [
        lambda: rng.choice(english)[:rng.randint(1, 300)],
        lambda: " ".join(rng.choice(words) for _ in range(rng.randint(1, 20))),
        lambda: sentence(rng),
        lambda: " ".join(sentence(rng) for _ in range(rng.randint(2, 4))),
        lambda: mixture(rng, EMOJI),
        lambda: mixture(rng, CODE),
        lambda: mixture(rng, CONTROLS, words),
        lambda: mixture(rng, SPACES),
        lambda: mixture(rng, SPACES, words, DIGITS),
        lambda: mixture(rng, DIGITS, SPACES, [".", ",", "-", "/"]),
        lambda: mixture(rng, LOOKALIKES, words),
        lambda: mixture(rng, CONTRACTIONS, words),
        lambda: mixture(rng, CASES, MARKS),
        lambda: mixture(rng, EMOJI, CODE, SPACES, DIGITS, LOOKALIKES, CONTRACTIONS, CASES, MARKS, CONTROLS, words),
        lambda: "".join(scalar(rng) for _ in range(rng.randint(1, 40))),
        lambda: rng.choice([rng.choice(words), scalar(rng), rng.choice(SPACES), rng.choice("!.-_=#* ")]) * rng.randint(2, 80),
    ]
    texts = dict.fromkeys(["", " ", "  ", "\n", "a"])
    while len(texts) < count:
        for kind in kinds:
            texts[kind()] = None
    return list(texts)[:count]


def training_lines():
    """English with some of everything else, so that small vocabularies have merges in many scripts."""
    rng = random.Random(7)
    lines = [line for line in reviews().split("\n") if line]
    for script in SCRIPTS:
        common = [word(rng, script) for _ in range(40)]
        lines += [" ".join(rng.choice(common) for _ in range(8)) for _ in range(60)]
    for source in (EMOJI, CODE, CONTRACTIONS, CASES, DIGITS, MARKS):
        lines += ["".join(rng.choice(source) + rng.choice(["", " "]) for _ in range(6)) for _ in range(80)]
    return lines
