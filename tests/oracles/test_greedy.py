"""What smollm2-135m-instruct says first, computed with int8 and int16 activations by the kernels that serve, and by the scalar
kernels in f32 from a copy of the file whose values are f32: nothing is rounded there."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE = pathlib.Path(os.environ.get("MARQUEE_BIN", ROOT / "build/release/bin")) / "greedy_probe"
MODEL = pathlib.Path(os.environ.get("MARQUEE_TEST_DATA", ROOT / "build/test-data")) / (
    "models/smollm2-135m-instruct/model.gguf")
TOKENS = 32

sys.path.insert(0, str(ROOT / "tests/golden/perplexity"))
import dequantise  # noqa: E402

ASKED = ["Tell a short story about {}.", "Write a scene for a play about {}.", "Describe {} to a child.",
         "Write the first verse of a song about {}.", "Give a film about {} a title and a plot.",
         "What would a critic say about a novel on {}?", "Write a dialogue between two people about {}.",
         "List three facts about {}.", "Explain why {} matters in a game's world.", "Write a review of a film about {}."]
ABOUT = ["a lighthouse keeper and a whale", "the last train of the night", "a robot who learns to paint",
         "winter on a small island", "two rival chefs", "an old theatre", "the invention of the telescope",
         "a dragon afraid of heights", "a detective in Venice", "life in a submarine"]
PROMPTS = [f"<|im_start|>user\n{asked.format(about)}<|im_end|>\n<|im_start|>assistant\n"
           for asked in ASKED for about in ABOUT]


def said(model, prompts, isa, activations):
    done = subprocess.run([PROBE, model, prompts, str(TOKENS), activations], env=os.environ | ({"MARQUEE_ISA": isa} if isa else {}),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert len(answer["said"]) == len(PROMPTS)
    return answer["isa"], answer["said"]


def agreeing(some, others):
    """Answers that are the same, and tokens before the first difference in the others."""
    same = sum(a == b for a, b in zip(some, others, strict=True))
    firsts = sorted(next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
                    for a, b in zip(some, others, strict=True) if a != b)
    return same, firsts


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_greedy_answers_are_those_of_f32(tmp_path):
    copy, prompts = tmp_path / "model.gguf", tmp_path / "prompts.txt"
    dequantise.write_f32_copy(MODEL, copy)
    prompts.write_text("".join(prompt + "\0" for prompt in PROMPTS))
    _, exact = said(copy, prompts, "scalar", "int8")  # f32 weights multiply f32 activations, whatever is said
    # With int8 this only tells a fault from rounding; docs/ACCURACY.md says what holds it back.
    for activations, least in [("int8", 25), ("int16", 95)]:
        isa, ours = said(MODEL, prompts, "", activations)
        same, firsts = agreeing(ours, exact)
        print(f"{isa}, {activations}: {same} of {len(PROMPTS)} answers the same; first differences at {firsts}")
        assert same >= least
