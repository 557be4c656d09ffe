"""Our encoders against Hugging Face's transformers: all-minilm-l6-v2's vectors, and every case of
tests/golden/encoders/make_encoder_goldens.py made anew with other weights. The stored goldens, which every build checks
(src/text/encoder_test.cc), are the same models in small."""
import copy
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/encoders"
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "encoder_probe"
DATA = pathlib.Path(os.environ.get("MARQUEE_TEST_DATA", ROOT / "build/test-data"))
MINILM = DATA / "models/all-minilm-l6-v2"
SEED = 30_000
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
COSINE = {"f32": 0.9999, "int8": 0.995}

sys.path.insert(0, str(GOLDEN))


def ours(folder, precision, lines, kind="text"):
    done = subprocess.run([PROBE, folder, precision, kind], input="\n".join(lines).encode() + b"\n",
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return np.frombuffer(done.stdout, dtype="<f4").reshape(len(lines), -1)


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def stored():
    """Texts, and the vectors that make_minilm.py found."""
    return json.loads((GOLDEN / "minilm.json").read_text())


@pytest.mark.parametrize("precision", COSINE)
def test_minilm_is_as_pytorch_found_it(precision, stored):
    assert MINILM.is_dir(), f"run script/setup --data {DATA}"
    found = cosines(ours(MINILM, precision, stored["texts"]), np.array(stored["vectors"]))
    print(f"{precision}: least cosine {found.min():.6f}")
    assert found.min() >= COSINE[precision]


@pytest.mark.parametrize("precision", COSINE)
def test_a_wrong_text_shows(precision, stored):
    lines = stored["texts"][1:] + stored["texts"][:1]
    assert cosines(ours(MINILM, precision, lines), np.array(stored["vectors"])).max() < COSINE[precision]


@pytest.mark.slow
@pytest.mark.parametrize("precision", COSINE)
def test_minilm_live(precision):
    pytest.importorskip("torch", reason="script/test --slow installs it")
    import make_minilm
    from tokenizer_texts import make_texts
    random = np.random.RandomState(SEED)
    words = (ROOT / "tests/golden/perplexity/reviews.txt").read_text().split()
    lines = [" ".join(words[start:start + length]) for start, length in
             zip(random.randint(0, len(words) - 300, 200), random.randint(1, 300, 200))]
    # "[MASK]" in a text is plain text to us: what users write never becomes a special token.
    lines += [line.replace("\n", " ").replace("\t", " ") for line in make_texts(100)
              if line.strip() and not any(special in line for special in SPECIAL_TOKENS)]
    found = cosines(ours(MINILM, precision, lines), make_minilm.vectors_of(MINILM, lines))
    print(f"{precision}: least cosine of {len(lines)} texts {found.min():.6f}")
    assert found.min() >= COSINE[precision]


@pytest.mark.slow
def test_every_family_from_other_weights(tmp_path):
    torch = pytest.importorskip("torch", reason="script/test --slow installs it")
    import make_encoder_goldens
    for case in make_encoder_goldens.all_cases():
        case = copy.deepcopy(case)
        case.seed += SEED
        make_encoder_goldens.make(case, tmp_path)
        model = case.model.from_pretrained(tmp_path / case.name) if not case.older_names else None
        if model is None:
            continue  # transformers no longer reads the older names
        texts = make_encoder_goldens.make_texts(case)
        states, logits = make_encoder_goldens.run(case, model.eval(), texts)
        expected = logits
        if logits.shape[1] == 0:
            parts = torch.split(states, [len(ids) for ids, _ in texts])
            expected = torch.nn.functional.normalize(torch.stack([part.mean(dim=0) for part in parts]))
        lines = [" ".join(map(str, [second_from, *ids])) for ids, second_from in texts]
        apart = np.abs(ours(tmp_path / case.name, "f32", lines, "ids") - expected.numpy()).max()
        print(f"{case.name}: {apart:.1e}")
        assert apart < 5e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bert_cross_encoder", "bert_entailment"])
def test_pairs_are_put_together_as_transformers_does(name):
    transformers = pytest.importorskip("transformers", reason="script/test --slow installs it")
    torch = pytest.importorskip("torch")
    folder = GOLDEN / name
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    pairs = [("a good film", "heist at sea"), ("king", "a song of the night"), ("", "boat")]
    expected = []
    for first, second in pairs:
        inputs = tokenizer(first, second, return_tensors="pt", return_token_type_ids=True)
        with torch.no_grad():
            expected.append(model(**inputs).logits[0].numpy())
    found = ours(folder, "f32", [f"{first}\t{second}" for first, second in pairs])
    assert np.abs(found - np.array(expected)).max() < 5e-5
