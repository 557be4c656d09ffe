"""Our decoder against Hugging Face's transformers, live: every case of tests/golden/decoders/make_goldens.py made anew
with other weights, wider, and over ten times as many positions; as a folder, as GGUF, whole, in chunks and token by token.
The stored goldens, which every build checks (src/text/decoder_test.cc), are the same models in small."""
import copy
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="script/test --slow installs it")

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/decoders"
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "logits_probe"
TOKENS = 400
SEED = 20_000

sys.path.insert(0, str(GOLDEN))
import gguf_writer  # noqa: E402
import make_goldens  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

WITHIN = 1e-4  # the largest difference of a row over its largest logit, in fp32; measured at most 3.0e-6
# One int8 rounded the other way costs about 1e-3 in so small a model; measured 5.2e-7.
WITHIN_QUANTISED = 5e-3

small_dimensions = make_goldens.dimensions


def wider_dimensions(**changes):
    wider = dict(hidden_size=96, intermediate_size=160, num_attention_heads=6, num_key_value_heads=3)
    # LongRoPE's factors are as many as the head has pairs.
    return small_dimensions(**changes) if "num_attention_heads" in changes else small_dimensions(**wider | changes)


def make_cases():
    make_goldens.dimensions = wider_dimensions
    try:
        cases = (make_goldens.llama_cases() + make_goldens.qwen_cases() + make_goldens.gemma_cases() +
                 make_goldens.other_cases())
    finally:
        make_goldens.dimensions = small_dimensions
    for case in cases:
        # Dynamic scaling is there to run past the length that the file states, by its factor of 2.
        case.config.max_position_embeddings = TOKENS // 2 if case.name == "llama_dynamic" else 512
    return cases


CASES = {case.name: case for case in make_cases()}


def ours(path, ids, chunk, max_context=0):
    done = subprocess.run([PROBE, path, str(chunk), str(max_context)], input=" ".join(map(str, ids)).encode(),
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return torch.from_numpy(np.frombuffer(done.stdout, dtype="<f4").reshape(len(ids), -1).copy())


def context_of(case, ids):
    """Dynamic scaling turns by the length at hand, so ours is told it."""
    return len(ids) if case.name == "llama_dynamic" else 0


def compare(name, path, ids, expected, context=0, within=WITHIN):
    for chunk in (0, 7, 1):
        error = make_goldens.relative_difference(ours(path, ids, chunk, context), expected)
        print(f"{name} in pieces of {chunk or 'all'}: largest relative error {error:.1e}")
        assert error < within


def fresh_model(case):
    model = make_goldens.build(case.config)
    make_goldens.initialise(model, SEED + case.seed)
    return model, make_goldens.token_ids(SEED + case.seed, TOKENS)


@pytest.mark.parametrize("name", CASES)
def test_folders(name, tmp_path):
    case = CASES[name]
    model, ids = fresh_model(case)
    make_goldens.save_folder(case, model, tmp_path)
    compare(name, tmp_path, ids, make_goldens.logits_of(model, ids), context_of(case, ids))


def test_long_rope_of_a_short_context(tmp_path):
    case = CASES["phi3"]
    model, ids = fresh_model(case)
    make_goldens.save_folder(case, model, tmp_path)
    ids = ids[:case.config.original_max_position_embeddings]
    compare("phi3, short", tmp_path, ids, make_goldens.logits_of(model, ids), len(ids))


@pytest.mark.parametrize("name", make_goldens.GGUF_CASES)
def test_gguf(name, tmp_path):
    case = CASES[name]
    model, ids = fresh_model(case)
    path = tmp_path / "model.gguf"
    gguf_writer.write(path, model.config, model.state_dict(), gguf_writer.all_f16)
    config = copy.deepcopy(model.config)
    for key, value in make_goldens.GGUF_CHANGES.get(name, {}).items():
        setattr(config, key, value)
    compare(f"{name}.gguf", path, ids, make_goldens.logits_of(make_goldens.build(config, model.state_dict()), ids))


@pytest.mark.parametrize("name, seed", [("llama_legacy_quants", 31), ("llama_k_quants", 32)])
def test_quantised_gguf(name, seed, tmp_path, monkeypatch):
    monkeypatch.setattr(make_goldens, "HERE", tmp_path)
    make_goldens.quantised_case(name, SEED + seed)
    stored = (tmp_path / f"{name}.gguf.expected.bin").read_bytes()
    tokens, vocabulary = np.frombuffer(stored, dtype="<i4", count=2)
    ids = np.frombuffer(stored, dtype="<i4", count=tokens, offset=8).tolist()
    logits = np.frombuffer(stored, dtype="<f4", offset=8 + 4 * tokens).reshape(tokens, vocabulary)
    compare(name, tmp_path / f"{name}.gguf", ids, torch.from_numpy(logits.copy()), within=WITHIN_QUANTISED)


def test_a_wrong_weight_shows(tmp_path):
    """That the comparison would see an error: one value of one norm, off by a tenth."""
    case = CASES["llama"]
    model, ids = fresh_model(case)
    expected = make_goldens.logits_of(model, ids)
    with torch.no_grad():
        model.model.layers[1].post_attention_layernorm.weight[5] += 0.1
    make_goldens.save_folder(case, model, tmp_path)
    assert make_goldens.relative_difference(ours(tmp_path, ids, 0), expected) > WITHIN


def test_stored_gguf_files_are_laid_out_as_llama_cpps_converter_does():
    done = subprocess.run([sys.executable, GOLDEN / "check_gguf_layout.py", ROOT / ".peers/llama.cpp"],
                          capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
